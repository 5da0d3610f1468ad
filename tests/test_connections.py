"""Connections to PostgreSQL are kept: whoever asks next finds the one that is open already."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from support.cast import Clinic, Person

from telehealth.extensions import db


class Lines:
    """What the application does with its connections from now on."""

    def __init__(self, app: Flask) -> None:
        self.opened = self.used = 0
        with app.app_context():
            event.listen(db.engine, "connect", self._on_connect)
            event.listen(db.engine, "checkout", self._on_checkout)

    def _on_connect(self, *_given: Any) -> None:
        self.opened += 1

    def _on_checkout(self, *_given: Any) -> None:
        self.used += 1


def number_of(app: Flask) -> int:
    """Which of the server's processes serves the connection that a request would get."""
    with app.app_context():
        return int(db.session.scalar(text("SELECT pg_backend_pid()")) or 0)


@pytest.fixture
def lines(app: Flask) -> Lines:
    """Begun with none open, whatever the making of the test has left."""
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    return Lines(app)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_after_the_first_request_none_opens_a_connection(
    app: Flask, lines: Lines, dr_grey: Person, clinic: Clinic
):
    dr_grey.get("/visits")
    assert lines.opened == 1
    before, used = number_of(app), lines.used
    session = clinic.session()
    path = f"/visits/{session.visit_id}/telemedicine"
    for _ in range(3):
        dr_grey.get(path)
        assert dr_grey.api("GET", "/telemedicine/").status_code == 200
    # What changes something, what is refused and what is not there give theirs back too.
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 200
    assert dr_grey.api("POST", f"/telemedicine/{session.id}/start/").status_code == 409
    assert dr_grey.api("GET", "/telemedicine/nothing/").status_code == 404
    assert lines.used > used + 9
    assert lines.opened == 1
    assert number_of(app) == before
