"""Where recordings of a test go, the session they are of, and its doctor."""

import pytest
from support.records import decide

from telehealth.models import Status


@pytest.fixture(autouse=True)
def _here(app, inside, moment, tmp_path):
    """Every test is inside the app, at one moment, with a folder of its own."""
    app.config["RECORDINGS"] = tmp_path / "recordings"


@pytest.fixture
def by(dr_grey):
    """Who acts: the doctor of the session."""
    return dr_grey.actor


@pytest.fixture
def session(clinic, ana):
    """One that runs, and whose patient agreed."""
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    decide(session, True, ana)
    return session
