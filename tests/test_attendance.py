"""Who was in the call, by the provider's word: the same in the end, whatever comes when, twice or never."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from support.databases import on_sqlite
from support.domain import NOW, page_id, rows

from telehealth import access, attendance, calls, chores, clock, presence, sessions, video
from telehealth.attendance import Stay
from telehealth.extensions import db
from telehealth.models import Attendance, AuditEntry, Participation, Room, Session, Status
from telehealth.store import new_id, transaction
from telehealth.video import Happening

pytestmark = [pytest.mark.twilio, pytest.mark.usefixtures("inside")]

SECOND = timedelta(seconds=1)
TOLD = ("joined", "left")


class Told:
    """What the provider tells of one session's room."""

    def __init__(self, session, room_id):
        self.session, self.room, self.room_id = session, session.room, room_id

    def joined(self, who, at, attendee="1"):
        return self._of(Happening.JOINED, who, at, attendee)

    def left(self, who, at, seconds=None, attendee="1"):
        return replace(self._of(Happening.LEFT, who, at, attendee), seconds=seconds)

    def ended(self, at):
        return Happening(Happening.ENDED, self.room, self.room_id, NOW + at * SECOND)

    def _of(self, kind, who, at, attendee):
        name = presence.identity(self.session, who.id)
        sid = f"{who.key}-{attendee}-{self.room_id}"[:64]
        return Happening(kind, self.room, self.room_id, NOW + at * SECOND, sid, name)


@pytest.fixture
def session(moment, clinic):
    return clinic.session(Status.IN_PROGRESS)


@pytest.fixture
def told(session, rooms):
    return Told(session, rooms.of(session)[0].sid)


def hear(*events):
    for event in events:
        attendance.apply(event)


def known(session):
    """All that is known of the call, without ids that differ from room to room."""
    room = Room.session_id == session.id
    ids = [row["id"] for row in rows(Room, room)]
    stays = [
        (row["user_id"], row["joined_at"], row["joined_told"], row["left_at"], row["left_told"])
        for row in rows(Attendance, Attendance.room_id.in_(ids))
    ]
    parts = [
        (row["user_id"], row["state"], row["connected_at"], row["left_at"])
        for row in rows(Participation, Participation.session_id == session.id)
    ]
    entries = [
        (row["action"], row["actor_id"], row["actor_role"], row["reason"], row["detail"])
        for row in rows(AuditEntry, AuditEntry.object_id == session.id)
    ]
    return {
        "stays": sorted(stays, key=str),
        "rooms": [(row["closed_at"], row["checked_at"]) for row in rows(Room, room)],
        "parts": sorted(parts, key=str),
        "audit": sorted(entries, key=str),
    }


def stays(session):
    return attendance.of(session)


def test_times_are_the_providers_own(session, told, dr_grey, ana, moment):
    moment.shift(100)
    hear(told.joined(dr_grey, 5), told.joined(ana, 9), told.left(ana, 60, 51), told.left(dr_grey, 70, 65))
    assert stays(session) == [
        Stay(dr_grey.id, NOW + 5 * SECOND, NOW + 70 * SECOND),
        Stay(ana.id, NOW + 9 * SECOND, NOW + 60 * SECOND),
    ]
    assert attendance.talk_time(stays(session), clock.now()) == 51


def test_somebody_without_any_page_has_joined_and_left_in_the_audit(session, told, ana, clinic):
    before = len(clinic.history(session))
    hear(told.joined(ana, 1), told.left(ana, 5, 4))
    assert clinic.history(session)[before:] == ["session.join", "session.leave"]
    assert rows(Participation) == []
    entry = rows(AuditEntry, AuditEntry.action == "session.join")[-1]
    assert (entry["actor_id"], entry["actor_role"]) == (ana.id, "patient")


def test_a_page_that_reported_first_has_joined_once(session, told, dr_grey, ana, clinic):
    for who in (dr_grey, ana):
        page = page_id()
        calls.enter(session, page, by=who.actor)
    calls.heard(session, page, by=ana.actor, connected=True)
    hear(told.joined(ana, 1))
    calls.heard(session, page, by=ana.actor, connected=True)
    hear(told.joined(ana, 1))
    assert clinic.history(session).count("session.join") == 1


def test_a_page_that_reports_later_has_joined_once(session, told, ana, clinic):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    hear(told.joined(ana, 1))
    calls.heard(session, page, by=ana.actor, connected=True)
    assert clinic.history(session).count("session.join") == 1
    assert rows(Participation)[0]["connected_at"] == NOW + SECOND


def test_a_page_that_crashed_is_lost_and_is_back_when_it_speaks(session, told, dr_grey, ana, clinic, moment):
    for who in (dr_grey, ana):
        page = page_id()
        calls.enter(session, page, by=who.actor)
    hear(told.joined(ana, 0))
    moment.shift(30)
    hear(told.left(ana, 30, 30))
    assert rows(Participation, Participation.id == page)[0]["state"] == "lost"
    assert clinic.history(session)[-1] == "session.leave"
    moment.shift(5)
    calls.heard(session, page, by=ana.actor, connected=True)
    row = rows(Participation, Participation.id == page)[0]
    assert (row["state"], row["left_at"]) == ("in_call", None)
    assert clinic.history(session)[-1] == "session.join"


def test_a_page_that_says_it_leaves_has_left_once(session, told, ana, clinic, moment):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    hear(told.joined(ana, 0))
    moment.shift(10)
    calls.step_out(session, page, by=ana.actor)
    hear(told.left(ana, 10, 10))
    assert clinic.history(session).count("session.leave") == 1
    assert rows(Participation)[0]["state"] == "left"


def test_a_line_that_was_lost_and_came_back_leaves_the_page_in_the_call(session, told, ana, clinic, moment):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    hear(told.joined(ana, 0))
    moment.shift(20)
    calls.heard(session, page, by=ana.actor, connected=True)
    # The new stay begins before the provider has given the old one up.
    hear(told.joined(ana, 12, "2"), told.left(ana, 20, 20))
    assert rows(Participation)[0]["state"] == "in_call"
    assert [stay.left_at for stay in stays(session)] == [NOW + 20 * SECOND, None]


def test_a_room_that_ends_first_has_everybody_out(session, told, dr_grey, ana, clinic):
    before = len(clinic.history(session))
    hear(told.joined(dr_grey, 1), told.joined(ana, 2), told.ended(60))
    assert {stay.left_at for stay in stays(session)} == {NOW + 60 * SECOND}
    hear(told.left(ana, 59, 57), told.left(dr_grey, 60, 59))
    assert {stay.user_id: stay.left_at for stay in stays(session)} == {
        ana.id: NOW + 59 * SECOND,
        dr_grey.id: NOW + 60 * SECOND,
    }
    assert sorted(clinic.history(session)[before:]) == ["session.join"] * 2 + ["session.leave"] * 2


def test_a_room_that_ends_leaves_the_session_as_it_is(session, told, clinic):
    hear(told.ended(60))
    assert clinic.now(session).status == Status.IN_PROGRESS


def test_after_our_own_end_late_word_leaves_nobody_in_the_call(session, told, dr_grey, ana, clinic, moment):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    moment.shift(30)
    now = access.load_session(session.id, by=dr_grey.actor)
    sessions.end(now, by=dr_grey.actor, video=video.provider())
    before = len(clinic.history(session))
    hear(told.joined(ana, 5))
    hear(told.left(ana, 30, 25), told.ended(30))
    assert sorted(clinic.history(session)[before:]) == ["session.join", "session.leave"]
    assert rows(Participation)[0]["state"] == "left"
    assert stays(session) == [Stay(ana.id, NOW + 5 * SECOND, NOW + 30 * SECOND)]


def test_a_late_word_of_joining_does_not_make_a_stay_that_ends_before_it_began(session, told, ana):
    hear(told.left(ana, 5), told.joined(ana, 9))
    (stay,) = stays(session)
    assert stay.left_at >= stay.joined_at


def test_of_stays_that_were_never_told_the_pages_speak(session, dr_grey, ana, moment):
    for who in (dr_grey, ana):
        calls.enter(session, page := page_id(), by=who.actor)
    calls.heard(session, page, by=ana.actor, connected=True)
    assert stays(session) == [Stay(ana.id, NOW, None)]


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([("a", 0, 10)], 0),
        ([("a", 0, 10), ("a", 2, 8)], 0),
        ([("a", 0, 10), ("b", 10, 20)], 0),
        ([("a", 0, 10), ("b", 5, 20)], 5),
        ([("a", 0, None), ("b", 5, None)], 95),
        ([("a", 0, 10), ("b", 0, 10), ("a", 12, 20), ("b", 11, 30)], 18),
        ([("a", 0, 100), ("b", 10, 20), ("b", 15, 30)], 20),
        ([("a", 0, 500), ("b", 50, 700)], 50),
    ],
)
def test_talk_time_is_when_two_different_people_were_there(spans, seconds):
    found = [
        Stay(who, NOW + begin * SECOND, None if end is None else NOW + end * SECOND)
        for who, begin, end in spans
    ]
    assert attendance.talk_time(found, NOW + 100 * SECOND) == seconds


def sessions_like(session, count):
    """As many sessions in progress as this one, each with a room."""
    made = []
    with transaction():
        for number in range(count):
            room_id = f"RM{new_id()}{number:012d}"
            one = Session(
                id=new_id(),
                visit_id=session.visit_id,
                doctor_id=session.doctor_id,
                patient_id=session.patient_id,
                number=number + 2,
                room=new_id(),
                status=Status.IN_PROGRESS,
                scheduled_start=session.scheduled_start + timedelta(days=1, minutes=number),
                started_at=session.started_at,
                created_at=session.created_at,
                room_open=True,
            )
            db.session.add(one)
            db.session.add(Room(session_id=one.id, provider_id=room_id, opened_at=NOW, checked_at=NOW))
            made.append(Told(one, room_id))
    return made


def six(told, dr_grey, ana):
    """A call as it happened, its creation first; lengths come in whole seconds, times do not."""
    return [
        None,
        told.joined(dr_grey, 3.2),
        told.joined(ana, 7.7),
        told.left(ana, 51.4, 44),
        told.left(dr_grey, 58.9, 56),
        told.ended(60.1),
    ]


@on_sqlite
@pytest.mark.parametrize("paged", [False, True], ids=["without pages", "with pages"])
def test_all_orders_of_six_events_come_to_the_same(session, moment, dr_grey, ana, paged):
    # What is created is never applied, so its place makes no difference: 720 orders are 120 of the others.
    orders = sorted({tuple(n for n in order if n) for order in permutations(range(6))})
    assert len(orders) == 120
    everywhere = sessions_like(session, len(orders))
    found = []
    if paged:
        for told in everywhere:
            for who in (dr_grey, ana):
                calls.enter(told.session, page_id(), by=who.actor)
    moment.shift(61)
    for told, order in zip(everywhere, orders, strict=True):
        events = six(told, dr_grey, ana)
        hear(*(events[number] for number in order))
        found.append(known(told.session))
    different = {str(one): order for one, order in zip(found, orders, strict=True)}
    assert len(different) == 1, "\n".join(f"{order}: {one}" for one, order in different.items())
    assert found[0]["rooms"][0][0] == NOW + 60.1 * SECOND
    assert len(found[0]["stays"]) == 2


@on_sqlite
def test_all_orders_of_two_stays_of_one_page_come_to_the_same(session, moment, dr_grey, ana):
    orders = list(permutations(range(5)))[::5]
    found = []
    for told, order in zip(sessions_like(session, len(orders)), orders, strict=True):
        moment.move_to(NOW, tick=False)
        calls.enter(told.session, page_id(), by=ana.actor)
        moment.shift(61)
        events = [
            told.joined(ana, 3.2),
            told.left(ana, 30.4, 27),
            told.joined(ana, 28.1, "2"),
            told.left(ana, 51.4, 23, "2"),
            told.ended(60.1),
        ]
        hear(*(events[number] for number in order))
        state = known(told.session)
        found.append({"stays": state["stays"], "rooms": state["rooms"]})
    assert all(one == found[0] for one in found)


@on_sqlite
def test_every_event_a_second_time_at_any_moment_changes_nothing(session, told, moment, dr_grey, ana):
    moment.shift(61)
    events = six(told, dr_grey, ana)[1:]
    for number, event in enumerate(events):
        hear(event)
        before = known(session)
        hear(*events[: number + 1])
        assert known(session) == before


def test_nobody_is_ended_while_the_provider_knows_them_there(session, rooms, clinic, dr_grey, ana, moment):
    """A server that was away for hours must not end the call that went on without it."""
    page = page_id()
    calls.enter(session, page, by=dr_grey.actor)
    rooms.come_in(session, dr_grey.id)
    rooms.come_in(session, ana.id)
    moment.shift(chores.ABANDONED + timedelta(minutes=5))
    chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.IN_PROGRESS
    assert len(rooms.inside(session)) == 2
