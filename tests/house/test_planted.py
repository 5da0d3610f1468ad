"""The planted faults still fit the code, and the tests that are to notice them are there."""

import re

import pytest

from tests.planted.fault import ROOT
from tests.planted.faults import FAULTS

NAMES = [fault.name for fault in FAULTS]


def test_every_fault_has_a_name_of_its_own():
    assert len(set(NAMES)) == len(NAMES) >= 12


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_a_planted_fault_still_fits(fault, tmp_path):
    file = tmp_path / fault.file
    file.parent.mkdir(parents=True, exist_ok=True)
    before = (ROOT / fault.file).read_text()
    file.write_text(before)
    fault.plant(tmp_path)
    assert file.read_text() != before
    compile(file.read_text(), fault.file, "exec")


@pytest.mark.parametrize("fault", FAULTS, ids=NAMES)
def test_what_is_to_notice_it_is_there(fault):
    for test in fault.tests:
        path, _, name = test.partition("::")
        assert not name or re.search(rf"^def {name}\(", (ROOT / path).read_text(), re.MULTILINE), test
