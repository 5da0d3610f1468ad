"""What holds in the clinic of `support.stage` at every moment, and in the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from support.ledger import Row, moment
from support.stage import OPEN, Stage
from telehealth import access, audit, chores, clock, reconcile, sessions, visits

OVER = "(SELECT id FROM sessions WHERE status NOT IN ('SCHEDULED', 'IN_PROGRESS'))"


def check(stage: Stage) -> None:
    """Both books agree, nobody is where they have no right to be, and no room is forgotten."""
    stage.look()
    count = stage.ledger.count
    for table, what in (("participations", "left_at IS NULL"), ("signals", "1")):
        query = f"SELECT count(*) FROM {table} WHERE {what} AND session_id IN {OVER}"
        assert count(query) == 0, f"{table} of a session that is over"
    query = "SELECT 1 FROM participations WHERE left_at IS NULL GROUP BY session_id, user_id"
    assert count(f"SELECT count(*) FROM ({query} HAVING count(*) > 1)") == 0, "on two pages at once"
    out = "user_id IN (SELECT id FROM users WHERE NOT active)"
    for table, end in (("sign_ins", "ended_at"), ("api_tokens", "revoked_at"), ("invitations", "used_at")):
        query = f"SELECT count(*) FROM {table} WHERE {end} IS NULL AND {out}"
        assert count(query) == 0, f"{table} of somebody who was kept out"
    query = "SELECT count(*) FROM sign_ins JOIN links ON links.id = link_id"
    assert count(f"{query} WHERE revoked_at IS NOT NULL AND ended_at IS NULL") == 0, "in by a revoked link"
    check_rooms(stage)


def check_rooms(stage: Stage) -> None:
    """A session has one open room at most, and knows of it."""
    open_rooms = [room.name for room in stage.video.rooms if room.ended is None]
    assert len(set(open_rooms)) == len(open_rooms), "two rooms of one session"
    known = {row["room"] for row in stage.ledger.of("sessions", room_open=1)}
    assert set(open_rooms) <= known, "a room that nobody would ever close"


def bring_to_an_end(stage: Stage, hear: Callable[[Any], None]) -> None:
    """From wherever they are all sessions come to an end, and everything is put in order.

    Staff cancel, doctors end, and where nobody does, time does. Half of what the video service has not
    told yet it never tells.
    """
    video = stage.video
    video.heal()
    for number, row in enumerate(list(stage.ledger.tables["sessions"].values())):
        doctor = stage.keys[row["doctor_id"]]
        if row["status"] == "SCHEDULED":
            _do(stage, partial(_cancel, stage, row))
        elif row["status"] == "IN_PROGRESS" and number % 2 == 0 and stage.is_active(doctor):
            _do(stage, partial(_end, stage, row))
    for event in video.pending[::2]:
        _do(stage, partial(hear, event))
    for _hour in range(9):
        video.pending.clear()
        stage.wait(timedelta(minutes=61))
        _do(stage, lambda: chores.run_by_itself(video=stage.carrier))
    _check_the_end(stage)


def _check_the_end(stage: Stage) -> None:
    ledger = stage.ledger
    assert not [row for row in ledger.tables["sessions"].values() if row["status"] in OPEN]
    assert not [room for room in stage.video.rooms if room.ended is None], "a room is open for ever"
    assert not ledger.of("sessions", room_open=1)
    assert not ledger.of("rooms", closed_at=None)
    assert not ledger.of("attendances", left_at=None)
    assert not ledger.of("participations", left_at=None)
    assert not ledger.of("recordings", status="processing")
    assert ledger.entries("session.join") == ledger.entries("session.leave")
    _check_stays(stage)
    for row in ledger.of("visits", status="OPEN"):
        _do(stage, partial(_close, stage, row))
    with stage.app.app_context():
        verdict = audit.verify()
    assert not verdict.bad_id, verdict
    assert (verdict.head_id, verdict.head_mac) == ledger.head


def _check_stays(stage: Stage) -> None:
    """Who was in the rooms and when is known as it was, whatever was told late, twice or never."""
    rooms = {
        row["provider_id"]
        for row in stage.ledger.tables["rooms"].values()
        # Nothing is asked about a room that was over for longer than that before anybody could ask.
        if row["checked_at"] > row["closed_at"] or moment(row["closed_at"]) > clock.now() - reconcile.MEMORY
    }
    known = {
        (row["provider_id"], moment(row["joined_at"]), moment(row["left_at"]))
        for row in stage.ledger.tables["attendances"].values()
        if stage.ledger.tables["rooms"][row["room_id"]]["provider_id"] in rooms
    }
    were = {
        (stay.id, stay.joined, stay.left)
        for room in stage.video.rooms
        if room.id in rooms
        for stay in room.stays
    }
    assert known == were, f"not so: {known - were}; not known: {were - known}"


def _do(stage: Stage, act: Callable[[], object]) -> None:
    _found, refusal = stage.ask(act)
    assert refusal is None, refusal
    stage.look()


def _cancel(stage: Stage, row: Row) -> None:
    by = stage.actor("sam")
    sessions.cancel(access.load_session(row["id"], by=by), by=by)


def _end(stage: Stage, row: Row) -> None:
    by = stage.actor(stage.keys[row["doctor_id"]])
    sessions.end(access.load_session(row["id"], by=by), by=by, video=stage.carrier)


def _close(stage: Stage, row: Row) -> None:
    by = stage.actor("sam")
    visits.close(access.load_visit(row["id"], by=by), by=by)
