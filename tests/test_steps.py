"""The table of steps, held against the operations: every action, at every status, by everybody."""

from contextlib import suppress

import pytest
from support.cast import RefusingVideo
from support.domain import head, page_id, rows, told

from telehealth import access, calls, links, sessions, video
from telehealth.access import SYSTEM
from telehealth.clock import now
from telehealth.errors import NotAllowed, NotFound, ProviderRefused, Refusal, WrongState
from telehealth.models import Link, Participation, Role, Session, Signal, Status
from telehealth.sessions import STEPS, WAITING_ROOM

PEOPLE = {
    "its doctor": ("dr_grey", Role.DOCTOR),
    "another doctor": ("dr_house", None),
    "its patient": ("ana", Role.PATIENT),
    "another patient": ("ben", None),
    "staff": ("sam", Role.STAFF),
    "the system": (None, "system"),
}


def start(session, by):
    return sessions.start(session, by=by, video=video.provider())


def fail(session, by):
    """The one way to FAILED leads over the doctor's start."""
    sessions.check(session, "fail", by=by)
    doctor = access.Actor(session.doctor_id, Role.DOCTOR)
    with pytest.raises(ProviderRefused):
        sessions.start(session, by=doctor, video=RefusingVideo())


def take_ticket(session, by):
    sessions.ticket(session, by=by, video=video.provider())


def open_page(session, by):
    page = page_id()
    calls.enter(session, page, by=by)
    calls.heard(session, page, by=by, connected=True)


def leave(session, by):
    sessions.leave(session, by=by)


def end(session, by):
    sessions.end(session, by=by, video=video.provider())


def cancel(session, by):
    sessions.cancel(session, by=by, reason="the patient is well")


def make_link(session, by):
    links.make(session, by=by)


def revoke_links(session, by):
    links.revoke(session, by=by)


DOORS = {
    start: "start",
    fail: "fail",
    take_ticket: "join",
    open_page: "join",
    leave: "leave",
    end: "end",
    cancel: "cancel",
    make_link: "link",
    revoke_links: "link",
}


def may_join(role, status):
    return status in WAITING_ROOM.get(role, ())


def what_the_table_says(action, status, role):
    """The status afterwards, or the refusal."""
    step = STEPS[action]
    if role is None:
        return NotFound
    if role not in step.by:
        return NotAllowed
    if action == "leave":
        return status
    if not (may_join(role, status) if action == "join" else status in step.start):
        return WrongState
    return step.end or status


def what_the_audit_keeps(door, status, role):
    waiting = status == Status.SCHEDULED
    return {
        start: ["session.start by doctor"],
        fail: ["session.fail by system"],
        take_ticket: [f"session.token by {role}"],
        open_page: [
            *([f"session.wait by {role}"] if waiting else []),
            f"session.token by {role}",
            *([] if waiting else [f"session.join by {role}"]),
        ],
        leave: [f"session.leave by {role}"] if may_join(role, status) else [],
        end: [f"session.end by {role}"],
        cancel: [f"session.cancel by {role}"],
        make_link: [f"session.link by {role}"],
        revoke_links: [f"session.link_revoked by {role}"],
    }[door]


def everything_about(session):
    return [
        rows(Session, Session.id == session.id),
        rows(Link, Link.session_id == session.id),
        rows(Participation, Participation.session_id == session.id),
        rows(Signal, Signal.session_id == session.id),
    ]


def set_the_scene(door, clinic, session, by):
    """There must be something to revoke, somebody to meet, and somebody to leave."""
    if door is revoke_links and session.is_open:
        clinic.link(session)
    if door is open_page and session.status == Status.IN_PROGRESS:
        doctor = access.Actor(session.doctor_id, Role.DOCTOR)
        patient = access.Actor(session.patient_id, Role.PATIENT)
        calls.enter(session, page_id(), by=patient if by.role == Role.DOCTOR else doctor)
    if door is leave:
        with suppress(Refusal):
            open_page(session, by)


@pytest.mark.parametrize("status", Status.ALL)
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_everybody_gets_what_the_table_says(inside, clinic, person, subtests, door, status):
    action, visit = DOORS[door], clinic.visit()
    for name, (key, role) in PEOPLE.items():
        with subtests.test(person=name):
            by = person(key).actor if key else SYSTEM
            session = clinic.session(status, visit)
            set_the_scene(door, clinic, session, by)
            before, since = everything_about(session), head()
            expected = what_the_table_says(action, status, role)

            if expected in Status.ALL:
                door(access.load_session(session.id, by=by, action=action), by)
                assert clinic.now(session).status == expected
                assert told(since) == what_the_audit_keeps(door, status, role)
            else:
                with pytest.raises(expected) as refusal:
                    door(access.load_session(session.id, by=by, action=action), by)
                assert type(refusal.value) is expected
                if expected is not WrongState:
                    assert refusal.value.action == f"session.{action}"
                    assert refusal.value.object_id == session.id
                assert everything_about(session) == before
                assert told(since) == []


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_who_gets_past_the_loader_is_refused_by_the_operation(inside, clinic, person, door):
    for key in ("dr_house", "ben"):
        session = clinic.session(Status.IN_PROGRESS)
        before = everything_about(session)
        with pytest.raises(NotAllowed):
            door(session, person(key).actor)
        assert everything_about(session) == before


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_link_opens_one_session_of_its_patient_and_no_other(inside, clinic, ana, door):
    visit = clinic.visit()
    mine, other = clinic.session(visit=visit), clinic.session(visit=visit)
    by = access.Actor(ana.id, Role.PATIENT, via="link", only_session=mine.id)
    assert access.load_session(mine.id, by=by).id == mine.id
    with pytest.raises(NotFound):
        access.load_session(other.id, by=by)
    before = everything_about(other)
    with pytest.raises(NotAllowed):
        door(other, by)
    assert everything_about(other) == before


@pytest.mark.parametrize("status", Status.ALL)
def test_the_buttons_are_the_steps_that_work(inside, clinic, person, status):
    for key, role in PEOPLE.values():
        by = person(key).actor if key else SYSTEM
        session = clinic.session(status)
        works = [
            action
            for action in ("start", "join", "end", "cancel")
            if what_the_table_says(action, status, role) in Status.ALL
        ]
        assert sessions.allowed(session, by) == works


@pytest.mark.parametrize("closed", [False, True], ids=["open visit", "closed visit"])
def test_only_the_doctor_of_an_open_visit_creates(inside, clinic, person, subtests, closed):
    for name, (key, role) in PEOPLE.items():
        with subtests.test(person=name):
            by = person(key).actor if key else SYSTEM
            visit = clinic.visit(closed=closed)
            since = head()
            refusal = NotAllowed if role not in STEPS["create"].by else WrongState if closed else None
            if refusal is None:
                session = sessions.create(visit, by=by, scheduled_start=now())
                assert session.status == STEPS["create"].end
                assert told(since) == ["session.create by doctor"]
            else:
                with pytest.raises(refusal):
                    sessions.create(visit, by=by, scheduled_start=now())
                assert rows(Session, Session.visit_id == visit.id) == []
                assert told(since) == []


def test_the_matrix_asks_for_every_step_of_the_table():
    assert {*DOORS.values(), "create"} == set(STEPS)


def test_every_step_is_filed_under_its_own_name():
    assert {name: step.action for name, step in STEPS.items()} == {name: name for name in STEPS}


def test_the_table_knows_only_statuses_and_roles_that_there_are():
    for step in STEPS.values():
        assert set(step.start) <= set(Status.ALL)
        assert step.end is None or step.end in Status.ALL
        assert step.by
        assert set(step.by) <= {*Role.ALL, "system"}


def test_every_status_can_be_reached():
    assert {step.end for step in STEPS.values() if step.end} == set(Status.ALL)


def test_no_step_leads_out_of_a_status_that_is_over():
    over = set(Status.ALL) - set(Status.OPEN)
    assert not any(over & set(step.start) for step in STEPS.values())


def test_every_open_status_has_a_way_to_its_end():
    for status in Status.OPEN:
        assert any(status in step.start and step.end for step in STEPS.values())


def test_who_may_join_is_who_the_table_lets_join():
    assert set(WAITING_ROOM) == set(STEPS["join"].by)
    assert {status for when in WAITING_ROOM.values() for status in when} == set(STEPS["join"].start)
