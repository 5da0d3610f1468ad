"""All faults: what is taken away, where, and which tests are asked."""

from tests.planted.access import ACCESS
from tests.planted.borders import BORDERS
from tests.planted.changes import CHANGES
from tests.planted.signing_in import SIGNING_IN

FAULTS = (*ACCESS, *SIGNING_IN, *CHANGES, *BORDERS)
