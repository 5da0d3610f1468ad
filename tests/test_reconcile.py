"""What callbacks missed is asked for: the same is known in the end, and nobody is wronged."""

from datetime import timedelta

import pytest
from support.bad_days import PASSING, WRONG_CREDENTIALS, each
from support.calling import end
from support.databases import on_sqlite
from support.domain import head, page_id, rows, together, told

from telehealth import access, attendance, calls, chores, clock, history, reconcile, sessions, video
from telehealth.extensions import db
from telehealth.models import Attendance, Chore, Room, Session, Status
from telehealth.reconcile import EVERY, SILENCES, Report
from telehealth.video import Happening
from telehealth.video.twilio.callbacks import _KINDS, _moment

pytestmark = [pytest.mark.twilio(quickly=True), pytest.mark.usefixtures("inside")]

MINUTE = timedelta(minutes=1)


@pytest.fixture
def session(moment, clinic):
    return clinic.session(Status.IN_PROGRESS)


def run():
    return reconcile.run(video=video.provider())


def stays():
    return {
        row["user_id"]: (row["joined_at"], row["left_at"], row["joined_told"], row["left_told"])
        for row in rows(Attendance)
    }


def a_call(session, rooms, moment, dr_grey, ana):
    """Two in a call, of which we hear nothing; the patient leaves after a minute."""
    begin = moment.shift(10) or rooms.come_in(session, dr_grey.id)
    moment.shift(5)
    other = rooms.come_in(session, ana.id)
    moment.shift(60)
    rooms.go(other)
    return begin, other


def test_with_nothing_to_ask_nothing_is_asked(clinic, twilio):
    for status in (Status.SCHEDULED, Status.COMPLETED, Status.CANCELLED):
        clinic.session(status)
    asked, since = len(twilio.requests), head()
    assert run() == Report()
    assert len(twilio.requests) == asked
    assert told(since) == []


def test_who_came_and_went_unheard_of_is_known_afterwards(session, rooms, moment, dr_grey, ana):
    doctor, patient = a_call(session, rooms, moment, dr_grey, ana)
    assert run() == Report(looked=1)
    assert stays() == {
        dr_grey.id: (doctor.start, None, True, False),
        ana.id: (patient.start, patient.end, True, True),
    }
    since = head()
    assert run() == Report(looked=1)
    assert told(since) == []


EVENTS = ["participant-connected", "participant-disconnected", "room-ended", "*"]


@pytest.mark.parametrize("lost", EVENTS)
def test_whichever_event_is_lost_the_same_is_known_after_the_end(
    clinic, twilio, rooms, moment, dr_grey, ana, lost
):
    found = []
    for missing in ("", lost):
        session = clinic.session(Status.IN_PROGRESS)
        twilio.callbacks.lost, twilio.callbacks.held = ({missing} if missing else set()), True
        begin = clock.now()
        a_call(session, rooms, moment, dr_grey, ana)
        moment.shift(10)
        end(session, dr_grey)
        for _url, form in twilio.callbacks.take():
            hear(form)
        moment.shift(2 * MINUTE)
        run()
        room = Room.session_id == session.id
        ids = [row["id"] for row in rows(Room, room)]
        found.append(
            (
                {
                    row["user_id"]: (row["joined_at"] - begin, row["left_at"] - begin)
                    for row in rows(Attendance, Attendance.room_id.in_(ids))
                },
                [row["closed_at"] - begin for row in rows(Room, room)],
                sorted(clinic.history(session)),
            )
        )
    twilio.callbacks.held = False
    assert found[0] == found[1]
    assert len(found[0][0]) == 2


def hear(form):
    """As the callback's route does, once the signature is good."""
    kind, _ = _KINDS.get(form["StatusCallbackEvent"], (None, None))
    if kind:
        seconds = form.get("ParticipantDuration")
        attendance.apply(
            Happening(
                kind,
                form["RoomName"],
                form["RoomSid"],
                _moment(form["Timestamp"]),
                form.get("ParticipantSid", ""),
                form.get("ParticipantIdentity", ""),
                float(seconds) if seconds else None,
            )
        )


def test_a_room_that_was_closed_is_asked_about_once_more_and_then_never(session, twilio, moment, dr_grey):
    end(session, dr_grey)
    asked = len(twilio.requests)
    assert run() == Report(), "its callbacks have a minute"
    moment.shift(MINUTE + timedelta(seconds=1))
    assert run() == Report(looked=1)
    asked = len(twilio.requests)
    moment.shift(MINUTE)
    assert run() == Report()
    assert len(twilio.requests) == asked


def test_a_room_is_asked_about_after_its_end_by_whatever_clock_it_was_seen_before(
    session, rooms, moment, dr_grey, ana
):
    a_call(session, rooms, moment, dr_grey, ana)
    run()
    moment.shift(timedelta(seconds=-70))
    end(session, dr_grey)
    moment.shift(timedelta(minutes=10))
    run()
    assert all(left for _joined, left, *_told in stays().values())


def test_a_server_that_was_off_for_days_still_learns_who_was_there(session, rooms, moment, dr_grey, ana):
    a_call(session, rooms, moment, dr_grey, ana)
    end(session, dr_grey)
    moment.shift(timedelta(days=3))
    run()
    assert stays().keys() == {dr_grey.id, ana.id}


def test_a_room_that_died_is_found_over_and_made_again_for_the_next(session, twilio, rooms, moment, ana):
    twilio.kill_room(rooms.of(session)[0].sid)
    assert run() == Report(looked=1, over=1)
    assert rows(Room)[0]["closed_at"] is not None
    moment.shift(2 * MINUTE)
    run()
    assert run() == Report()
    db.session.rollback()
    now = access.load_session(session.id, by=ana.actor)
    sessions.ticket(now, by=ana.actor, video=video.provider())
    assert len(rooms.open(session)) == 1


def test_a_room_that_twilio_never_heard_of_is_over(session, moment):
    db.session.query(Room).update({"provider_id": "RM" + "0" * 32})
    db.session.commit()
    assert run().over == 1
    moment.shift(2 * MINUTE)
    run()
    assert run() == Report()


def test_somebody_of_no_part_in_it_is_put_out(session, rooms, dr_grey, ben, twilio):
    rooms.come_in(session, dr_grey.id)
    twilio._do(lambda: twilio._world.join(session.room, "somebody", session.room))
    assert run() == Report(looked=1, put_out=1)
    assert rooms.inside(session) == {rooms.identity(session, dr_grey.id)}


def test_a_page_that_left_but_stayed_in_the_room_is_put_out(session, rooms, dr_grey, ana):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    rooms.come_in(session, ana.id)
    calls.step_out(session, page, by=ana.actor)
    assert run().put_out == 1
    assert rooms.inside(session) == set()


def test_a_program_that_comes_in_by_a_fresh_ticket_after_the_page_left_may_stay(session, rooms, moment, ana):
    page = page_id()
    calls.enter(session, page, by=ana.actor)
    calls.step_out(session, page, by=ana.actor)
    moment.shift(5)
    sessions.ticket(access.load_session(session.id, by=ana.actor), by=ana.actor, video=video.provider())
    rooms.come_in(session, ana.id)
    assert run().put_out == 0
    assert rooms.inside(session) == {rooms.identity(session, ana.id)}


def test_a_doctor_whose_network_is_away_for_an_hour_is_neither_ended_nor_put_out(
    session, rooms, clinic, moment, dr_grey, ana
):
    pages = {who: page_id() for who in (dr_grey, ana)}
    for who, page in pages.items():
        calls.enter(session, page, by=who.actor)
        rooms.come_in(session, who.id)
    for _ in range(30):
        moment.shift(2 * MINUTE)
        calls.heard(session, pages[ana], by=ana.actor, connected=True)
        chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.IN_PROGRESS
    assert len(rooms.inside(session)) == 2
    calls.heard(session, pages[dr_grey], by=dr_grey.actor, connected=True)
    assert clinic.history(session)[-1] == "session.join"


def test_a_call_that_nobody_has_been_in_for_two_hours_is_ended_and_its_room_closed(
    session, rooms, clinic, moment, dr_grey
):
    page = page_id()
    calls.enter(session, page, by=dr_grey.actor)
    somebody = rooms.come_in(session, dr_grey.id)
    moment.shift(10)
    rooms.go(somebody)
    moment.shift(chores.ABANDONED - MINUTE)
    chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.IN_PROGRESS
    moment.shift(EVERY)
    for _look in range(chores.LOOKS - 1):
        chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.IN_PROGRESS, "they may be back in a minute"
    chores.run_by_itself(video=video.provider())
    ended = access.load_session(session.id, by=dr_grey.actor)
    assert ended.status == Status.COMPLETED
    assert history.of(ended, by=dr_grey.actor)[0].words.startswith("Ended by the system")
    assert rooms.open(session) == []


@each({**PASSING, **WRONG_CREDENTIALS})
def test_a_provider_in_trouble_holds_nobody_up_and_no_room_is_forgotten(clinic, rooms, twilio, trouble):
    visit = clinic.visit()
    for _ in range(SILENCES + 2):
        session = clinic.session(Status.IN_PROGRESS, visit)
    fault = trouble(twilio.faults)
    assert run() == Report(unreachable=SILENCES)
    tries = 3 if trouble in PASSING.values() else 1
    assert fault.met == tries * SILENCES
    assert len(rooms.open(session)) == 1
    twilio.faults.clear()
    assert run() == Report(looked=SILENCES + 2)


def test_one_room_that_cannot_be_asked_about_keeps_no_other_from_it(clinic, rooms, twilio):
    visit = clinic.visit()
    found = [clinic.session(Status.IN_PROGRESS, visit) for _ in range(4)]
    twilio.faults.fail(500, f"* /v1/Rooms/{rooms.of(found[1])[0].sid}*")
    assert run() == Report(looked=3, unreachable=1)


def test_of_eight_callers_one_has_it_to_do(app, moment):
    assert sorted(together(app, [reconcile.is_due] * 8)) == [False] * 7 + [True]
    assert not reconcile.is_due()
    moment.shift(EVERY)
    assert not reconcile.is_due()
    moment.shift(1)
    assert sorted(together(app, [reconcile.is_due] * 8)) == [False] * 7 + [True]
    assert len(rows(Chore)) == 1


@on_sqlite
def test_a_server_asks_by_itself_every_two_minutes(session, twilio, moment):
    asked = len(twilio.requests)
    for _ in range(3):
        chores.run_by_itself(video=video.provider())
    assert len(twilio.requests) == asked + 2, "the room and the people in it"
    moment.shift(EVERY + timedelta(seconds=1))
    chores.run_by_itself(video=video.provider())
    assert len(twilio.requests) == asked + 4


def test_many_at_once_repair_it_once(app, session, rooms, moment, clinic, dr_grey, ana):
    a_call(session, rooms, moment, dr_grey, ana)
    before = len(clinic.history(session))
    assert [one for one in together(app, [run] * 6) if isinstance(one, Exception)] == []
    assert sorted(clinic.history(session)[before:]) == ["session.join"] * 2 + ["session.leave"]
    assert len(rows(Attendance)) == 2
    assert rows(Session, Session.id == session.id)[0]["room_open"]
