"""The operations of a session: planned, started, ended, cancelled, left, entered by a ticket."""

import logging
from datetime import timedelta

import pytest
from itsdangerous import URLSafeTimedSerializer
from support.cast import RefusingVideo
from support.domain import NOW, entries, head, page_id, rows, together, told

from telehealth import access, calls, planning, sessions, video, visits
from telehealth.errors import Invalid, ProviderRefused, ProviderUnavailable, WrongState
from telehealth.models import Participation, Session, Status

HOUR = timedelta(hours=1)


class Video:
    """A video service that is in trouble: what it raises is given."""

    name = "troubled"
    hosted = True
    records = False

    def __init__(self, trouble=None):
        self.trouble = trouble
        self.asked = []

    def open_room(self, room):
        self.asked.append(("open", room))
        if self.trouble:
            raise self.trouble
        return f"room-{room}"

    def close_room(self, room):
        self.asked.append(("close", room))
        if self.trouble:
            raise self.trouble


@pytest.fixture
def plan(inside, moment, clinic, dr_grey):
    """Creates a session in a visit of Ana's, at a moment."""
    visit = clinic.visit()

    def create(at, **more):
        return sessions.create(visit, by=dr_grey.actor, scheduled_start=at, **more)

    create.visit = visit
    return create


def test_a_new_session_belongs_to_the_people_of_its_visit(plan, dr_grey, ana):
    session = plan(NOW + HOUR, notes="Ask about the cough", recording_enabled=True)
    assert (session.doctor_id, session.patient_id) == (dr_grey.id, ana.id)
    assert (session.visit_id, session.number) == (plan.visit.id, 1)
    assert (session.notes, session.recording_enabled) == ("Ask about the cough", True)
    assert (session.scheduled_start, session.created_at) == (NOW + HOUR, NOW)
    assert (session.started_at, session.ended_at, session.duration_seconds) == (None, None, None)


def test_sessions_are_numbered_within_their_visit(plan, clinic):
    assert [plan(NOW + HOUR * n).number for n in (3, 1, 2)] == [1, 2, 3]
    assert clinic.session().number == 1


def test_ids_and_rooms_are_opaque_and_never_the_same(plan):
    made = [plan(NOW + HOUR * n) for n in range(1, 5)]
    assert len({session.id for session in made}) == len({session.room for session in made}) == 4
    for session in made:
        assert len(session.id) == 20
        assert len(session.room) == 32
        assert session.id not in session.room


@pytest.mark.parametrize("minutes", [0, 1, 5])
def test_a_start_that_passed_while_the_form_was_filled_in_is_taken(plan, minutes):
    at = NOW - timedelta(minutes=minutes)
    assert plan(at).scheduled_start == at


@pytest.mark.parametrize("ago", [timedelta(minutes=5, seconds=1), HOUR, timedelta(days=365)])
def test_a_start_in_the_past_is_refused(plan, ago):
    with pytest.raises(Invalid) as refusal:
        plan(NOW - ago)
    assert "passed" in refusal.value.fields["scheduled_start"][0]
    assert rows(Session) == []


def test_a_start_beyond_the_horizon_is_refused(plan):
    plan(NOW + planning.HORIZON)
    with pytest.raises(Invalid) as refusal:
        plan(NOW + planning.HORIZON + timedelta(seconds=1))
    assert "too far" in refusal.value.fields["scheduled_start"][0]


def test_a_visit_that_was_closed_meanwhile_takes_no_session(plan, dr_grey):
    visits.close(access.load_visit(plan.visit.id, by=dr_grey.actor), by=dr_grey.actor)
    assert plan.visit.status == "OPEN"
    with pytest.raises(WrongState, match="closed"):
        plan(NOW + HOUR)
    assert rows(Session) == []


def test_a_visit_has_one_open_session_at_a_time_slot(plan, dr_grey):
    first = plan(NOW + HOUR)
    with pytest.raises(Invalid) as refusal:
        plan(NOW + HOUR)
    assert "already" in refusal.value.fields["scheduled_start"][0]
    sessions.cancel(first, by=dr_grey.actor)
    assert plan(NOW + HOUR).number == 2


@pytest.mark.parametrize(
    ("minutes", "clashes"), [(-30, False), (-29, True), (0, True), (29, True), (30, False)]
)
def test_a_clash_in_the_doctors_day_is_found(plan, clinic, minutes, clashes):
    other = plan(NOW + HOUR * 5)
    at = NOW + HOUR * 5 + timedelta(minutes=minutes)
    found = planning.clashes(clinic.visit(patient="ben"), at)
    assert [session.id for session in found] == ([other.id] if clashes else [])


def test_what_is_over_or_another_doctors_is_no_clash(plan, clinic, dr_grey):
    sessions.cancel(plan(NOW + HOUR), by=dr_grey.actor)
    clinic.session(visit=clinic.visit("dr_house", "ben"), start=NOW + HOUR)
    assert planning.clashes(plan.visit, NOW + HOUR) == []


def test_a_start_opens_the_rooms_own_name(plan, dr_grey, moment):
    session, service = plan(NOW + HOUR), Video()
    moment.shift(HOUR)
    session = sessions.start(session, by=dr_grey.actor, video=service)
    assert (session.status, session.started_at) == (Status.IN_PROGRESS, NOW + HOUR)
    assert service.asked == [("open", session.room)]


def test_a_provider_that_refuses_fails_the_session_with_its_reason(plan, dr_grey):
    since, session = head() + 1, plan(NOW + HOUR)
    with pytest.raises(ProviderRefused) as refusal:
        sessions.start(session, by=dr_grey.actor, video=RefusingVideo())
    assert refusal.value.session.status == Status.FAILED
    assert refusal.value.session.failure_reason == "The video service refused to open a room."
    assert told(since) == ["session.fail by system"]


def test_nobody_waits_on_for_a_session_that_failed(plan, dr_grey, ana):
    session = plan(NOW + HOUR)
    calls.enter(session, page_id(), by=ana.actor)
    with pytest.raises(ProviderRefused):
        sessions.start(session, by=dr_grey.actor, video=RefusingVideo())
    assert [row["state"] for row in rows(Participation)] == ["left"]


def test_a_reason_of_any_length_is_kept(plan, dr_grey):
    service = Video(ProviderRefused("no " * 1000))
    with pytest.raises(ProviderRefused) as refusal:
        sessions.start(plan(NOW + HOUR), by=dr_grey.actor, video=service)
    assert refusal.value.session.failure_reason.startswith("no no")


def test_a_provider_out_of_reach_leaves_the_session_as_it_was(plan, dr_grey):
    session = plan(NOW + HOUR)
    before, since = rows(Session), head()
    with pytest.raises(ProviderUnavailable) as refusal:
        sessions.start(session, by=dr_grey.actor, video=Video(ProviderUnavailable()))
    assert refusal.value.session.status == Status.SCHEDULED
    # That there may be a room is all that was written down: the reply may have been lost.
    assert rows(Session) == [{**before[0], "room_open": True}]
    assert told(since) == []
    assert sessions.start(session, by=dr_grey.actor, video=Video()).status == Status.IN_PROGRESS


def test_no_provider_is_called_for_what_is_refused(plan, dr_grey, ana):
    session, service = plan(NOW + HOUR), Video()
    with pytest.raises(WrongState):
        sessions.end(session, by=dr_grey.actor, video=service)
    sessions.cancel(session, by=dr_grey.actor)
    with pytest.raises(WrongState):
        sessions.start(access.load_session(session.id, by=dr_grey.actor), by=dr_grey.actor, video=service)
    assert service.asked == []


def test_who_lost_the_race_sees_how_things_are(app, plan, dr_grey):
    """Two windows of one doctor, each with the session as it was when its page was loaded."""
    stale = plan(NOW + HOUR)
    since = head()
    with app.app_context():
        sessions.cancel(access.load_session(stale.id, by=dr_grey.actor), by=dr_grey.actor)
    assert stale.status == Status.SCHEDULED
    with pytest.raises(WrongState) as refusal:
        sessions.start(stale, by=dr_grey.actor, video=Video())
    assert refusal.value.session.status == Status.CANCELLED
    assert "cancelled" in refusal.value.message
    assert told(since) == ["session.cancel by doctor"]


def test_the_end_sets_the_duration(plan, dr_grey, moment):
    service = Video()
    session = sessions.start(plan(NOW), by=dr_grey.actor, video=service)
    moment.shift(timedelta(minutes=21, seconds=7.9))
    session = sessions.end(session, by=dr_grey.actor, video=service)
    assert (session.status, session.duration_seconds) == (Status.COMPLETED, 21 * 60 + 7)
    assert service.asked == [("open", session.room), ("close", session.room)]


def test_a_clock_that_was_set_back_lets_nothing_begin_before_it_was_planned(plan, dr_grey, moment):
    begun, cancelled = plan(NOW), plan(NOW + HOUR)
    moment.shift(-HOUR)
    begun = sessions.start(begun, by=dr_grey.actor, video=Video())
    cancelled = sessions.cancel(cancelled, by=dr_grey.actor)
    assert begun.started_at == begun.created_at
    assert cancelled.cancelled_at == cancelled.created_at


def test_a_clock_that_was_set_back_gives_no_negative_duration(plan, dr_grey, moment):
    session = sessions.start(plan(NOW), by=dr_grey.actor, video=Video())
    moment.shift(-HOUR)
    assert sessions.end(session, by=dr_grey.actor, video=Video()).duration_seconds == 0


@pytest.mark.parametrize("trouble", [ProviderUnavailable(), ProviderRefused("no")])
def test_a_room_that_does_not_close_holds_no_session_open(plan, dr_grey, caplog, trouble):
    session = sessions.start(plan(NOW), by=dr_grey.actor, video=Video())
    with caplog.at_level(logging.WARNING):
        session = sessions.end(session, by=dr_grey.actor, video=Video(trouble))
    assert session.status == Status.COMPLETED
    assert session.id in caplog.text
    assert session.room not in caplog.text


def test_a_cancelled_session_tells_who_when_and_why(plan, sam):
    session = plan(NOW + HOUR)
    session = sessions.cancel(
        access.load_session(session.id, by=sam.actor), by=sam.actor, reason="the patient is well"
    )
    assert (session.status, session.cancelled_at) == (Status.CANCELLED, NOW)
    assert (session.cancelled_by.name, session.cancel_reason) == (sam.name, "the patient is well")


def meet(session, who, other):
    """Media flows from the one to the other."""
    pages = {one.id: page_id() for one in (other, who)}
    for one in (other, who):
        calls.enter(session, pages[one.id], by=one.actor)
    calls.heard(session, pages[who.id], by=who.actor, connected=True)


def test_leaving_twice_or_without_having_come_is_harmless(plan, dr_grey, ana):
    session = sessions.start(plan(NOW), by=dr_grey.actor, video=Video())
    since = head()
    sessions.leave(session, by=ana.actor)
    assert told(since) == []
    meet(session, ana, dr_grey)
    for _ in range(2):
        assert sessions.leave(session, by=ana.actor).status == Status.IN_PROGRESS
    assert told(since)[-2:] == ["session.join by patient", "session.leave by patient"]


def test_who_took_a_ticket_and_never_connected_left_before_the_call(plan, dr_grey, ana):
    session = sessions.start(plan(NOW), by=dr_grey.actor, video=Video())
    sessions.ticket(session, by=ana.actor, video=video.provider())
    since = head()
    for _ in range(2):
        sessions.leave(session, by=ana.actor)
    assert [(entry.action, entry.reason) for entry in entries(since)] == [("session.leave", "not connected")]


def test_who_was_in_the_call_at_its_end_did_not_leave_before_it(plan, dr_grey, ana):
    session = sessions.start(plan(NOW), by=dr_grey.actor, video=Video())
    sessions.ticket(session, by=ana.actor, video=video.provider())
    meet(session, ana, dr_grey)
    session = sessions.end(session, by=dr_grey.actor, video=Video())
    since = head()
    sessions.leave(session, by=ana.actor)
    assert told(since) == []


def test_a_ticket_holds_nothing_about_the_people(plan, ana):
    session = plan(NOW, notes="Ask about the cough")
    ticket = sessions.ticket(session, by=ana.actor, video=video.provider())
    assert set(ticket.room + ticket.identity) <= set("0123456789abcdef")
    assert not {ticket.room, ticket.identity} & {session.id, ana.id, session.doctor_id, session.visit_id}
    _signed, content = URLSafeTimedSerializer("another key").loads_unsafe(ticket.token)
    assert content == [ticket.room, ticket.identity]
    assert ticket.more == {"ice_servers": [], "ice_transport_policy": "all"}
    assert ticket.token not in repr(ticket)


def test_room_and_identity_are_the_same_at_every_join(plan, dr_grey, ana, moment):
    session = plan(NOW)
    first = sessions.ticket(session, by=ana.actor, video=video.provider())
    moment.shift(HOUR)
    session = sessions.start(session, by=dr_grey.actor, video=Video())
    again = sessions.ticket(session, by=ana.actor, video=video.provider())
    assert (first.room, first.identity) == (again.room, again.identity)
    assert first.room == session.room
    assert again.expires_at - first.expires_at == HOUR


def test_identities_of_two_people_or_two_sessions_do_not_tell_of_each_other(plan, dr_grey, ana):
    one, two = plan(NOW), plan(NOW + HOUR)
    one = sessions.start(one, by=dr_grey.actor, video=Video())
    provider = video.provider()
    identities = {
        sessions.ticket(session, by=by, video=provider).identity
        for session, by in [(one, ana.actor), (two, ana.actor), (one, dr_grey.actor)]
    }
    assert len(identities) == 3


def test_many_callers_at_once_take_each_step_once(app, plan, dr_grey):
    """Each thread has its own database session, like a request."""
    session_id = plan(NOW).id
    since = head()

    def with_fresh(operation):
        return operation(access.load_session(session_id, by=dr_grey.actor))

    def start():
        return with_fresh(lambda s: sessions.start(s, by=dr_grey.actor, video=Video())).status

    def end():
        return with_fresh(lambda s: sessions.end(s, by=dr_grey.actor, video=Video())).status

    for work, status in [(start, Status.IN_PROGRESS), (end, Status.COMPLETED)]:
        answers = together(app, [work] * 8)
        assert [answer for answer in answers if isinstance(answer, str)] == [status]
        assert {type(answer) for answer in answers} == {str, WrongState}
    assert told(since) == ["session.start by doctor", "session.end by doctor"]


def test_many_sessions_at_once_get_numbers_without_gaps(app, plan, dr_grey):
    visit = plan.visit

    def create(hours):
        return lambda: sessions.create(visit, by=dr_grey.actor, scheduled_start=NOW + HOUR * hours).number

    assert sorted(together(app, [create(hours) for hours in range(1, 9)])) == list(range(1, 9))
