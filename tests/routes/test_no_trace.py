"""What is another doctor's and patient's leaves no trace: in answers, headers, logs, or at the provider."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from support.doubles import WatchedVideo, install
from support.moments import Moment, Tables

from routes import access_table
from routes.access_scene import House, Scene, path_of

pytestmark = [
    pytest.mark.usefixtures("streams_end_at_once"),
    pytest.mark.parametrize("house", ["sqlite"], indirect=True),
]

# Whoever has the token of a link or an invitation may open it.
ROWS = [row for row in access_table.read() if "<token>" not in row]

OUTSIDERS = (
    *("stranger", "expired", "deactivated", "deactivated_token"),
    *("dr_grey", "ana", "other", "dr_grey_token", "ana_token"),
)
"""Everybody who has no part in what is Dr House's and Ben's."""

ANYBODYS = re.compile(r"\d{4}-\d\d-\d\d.*|(?!zq)[A-Za-z_./-]+")
"""Times, and words that mean something to the code."""


@dataclass(frozen=True)
class Theirs:
    """Objects of Dr House and Ben, and every value in any row about them that stands in no other row."""

    scene: Scene
    values: frozenset[str]


@pytest.fixture
def theirs(house: House) -> Iterator[Theirs]:
    """What leaves no trace; the house is as it was afterwards."""
    before = Moment(house.app)
    scene = house.scene("/recordings", doctor="dr_house", patient="ben")
    house.rewrite(scene, "zqWritten")
    doctor, patient = house.cast["dr_house"], house.cast["ben"]
    known = {doctor.id, patient.id, scene.visit_id, scene.session_id, scene.recording_id}
    values = _values(Moment(house.app).tables, known)
    assert {"zqWritten", *known, patient.part.email, doctor.name, scene.ana} <= values
    yield Theirs(scene, values)
    before.back()


@pytest.mark.parametrize("row", ROWS)
def test_nothing_of_others_is_in_answers_headers_logs_or_at_the_provider(
    house: House, theirs: Theirs, row: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    path = path_of(row.partition(" ")[2], theirs.scene)
    for key in OUTSIDERS:
        # A doctor who opens a visit chooses its patient among all.
        allowed = {house.cast["ben"].id, house.cast["ben"].name} if row.endswith("/visits/new") else set()
        hidden = {one for one in theirs.values if one not in path} - allowed
        for way in access_table.WAYS:
            service = install(house.app, WatchedVideo(house.app))
            caplog.clear()
            answer = house.ask(house.guests[key], row, theirs.scene, way=way)
            assert answer.status_code < 500
            places = {"answer": answer.text, "headers": str(answer.headers), "log": caplog.text}
            for place, text in places.items():
                assert not (found := {one for one in hidden if one in text}), (key, way, place, found)
            assert service.asked == [] or "<" not in row, (key, way, service.asked)


def _values(tables: Tables, known: set[str]) -> frozenset[str]:
    about: set[str] = set()
    others: set[str] = set()
    for rows in tables.values():
        for row in rows:
            words = {
                one for one in row if isinstance(one, str) and len(one) > 7 and not ANYBODYS.fullmatch(one)
            }
            (others if known.isdisjoint(words) else about).update(words)
    return frozenset(about - others)
