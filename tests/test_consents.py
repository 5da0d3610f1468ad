"""Whether the patient agrees to be recorded, and what the video service is told of it."""

import pytest
from sqlalchemy import update
from support.domain import head, rows, together, told
from support.doubles import install
from support.records import RecordingVideo

from telehealth import access, chores, consents, history, recordings, rooms, sessions, video
from telehealth.access import Actor
from telehealth.errors import NotAllowed, ProviderRefused, ProviderUnavailable, WrongState
from telehealth.extensions import db
from telehealth.models import Consent, Recording, Role, Session, Status
from telehealth.store import transaction


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


@pytest.fixture
def session(clinic):
    return clinic.session(Status.IN_PROGRESS, recording_enabled=True)


@pytest.fixture
def service(app):
    """A service that records by itself, in the place of the embedded one."""
    return install(app, RecordingVideo(app))


def decide(session, agreed, by):
    consents.decide(session, agreed, by=by.actor, video=video.provider())


def decision(session, by):
    fresh = access.load_session(session.id, by=by.actor)
    return recordings.standing(fresh, video=video.provider()).decision


def losing_the_answer(service):
    """The service does as it is told, and its answer never arrives."""
    record = service.record

    def record_unheard(room, *, on):
        record(room, on=on)
        raise ProviderUnavailable

    return record_unheard


def recordings_of(session):
    return [row for row in rows(Recording) if row["session_id"] == session.id]


def on_at_service(clinic, session):
    return clinic.now(session).recording_on


@pytest.mark.parametrize("status", Status.OPEN)
def test_the_patient_is_asked_agrees_and_withdraws(clinic, ana, dr_grey, status):
    session = clinic.session(status, recording_enabled=True)
    since = head()
    assert decision(session, ana) == "asked"
    decide(session, True, ana)
    assert decision(session, ana) == decision(session, dr_grey) == "agreed"
    decide(session, False, ana)
    assert decision(session, ana) == "declined"
    assert told(since) == ["session.consent_given by patient", "session.consent_withdrawn by patient"]
    assert [row["agreed"] for row in rows(Consent)] == [True, False]
    words = [line.words for line in history.of(session, by=ana.actor)]
    assert words[:2] == [
        "The patient took back the agreement to a recording",
        "The patient agreed to a recording",
    ]


def test_declining_at_once_is_no_withdrawal(session, ana):
    since = head()
    decide(session, False, ana)
    assert told(since) == ["session.consent_declined by patient"]


@pytest.mark.parametrize("agreed", [True, False])
def test_the_same_again_is_harmless(session, ana, agreed):
    decide(session, agreed, ana)
    since = head()
    decide(session, agreed, ana)
    assert told(since) == []
    assert len(rows(Consent)) == 1


def test_many_presses_at_once_are_one_decision(app, session, ana):
    since = head()
    assert together(app, [lambda: decide(session, True, ana)] * 6) == [None] * 6
    assert told(since) == ["session.consent_given by patient"]


@pytest.mark.parametrize("who", ["dr_grey", "dr_house", "ben", "sam"])
def test_nobody_but_the_patient_decides(session, person, who):
    since = head()
    with pytest.raises(NotAllowed):
        decide(session, True, person(who))
    assert (told(since), rows(Consent)) == ([], [])


def test_a_patient_by_link_decides_in_their_session_alone(clinic, session, ana):
    other = clinic.session(recording_enabled=True)
    by = Actor(ana.id, Role.PATIENT, via="link", only_session=session.id)
    consents.decide(session, True, by=by, video=video.provider())
    with pytest.raises(NotAllowed):
        consents.decide(other, True, by=by, video=video.provider())
    assert [row["session_id"] for row in rows(Consent)] == [session.id]


@pytest.mark.parametrize("status", sorted(set(Status.ALL) - set(Status.OPEN)))
def test_there_is_nothing_to_decide_when_it_is_over(clinic, ana, status):
    session = clinic.session(status, recording_enabled=True)
    with pytest.raises(WrongState):
        decide(session, True, ana)


def test_there_is_nothing_to_decide_where_nobody_wishes_to_record(clinic, ana):
    with pytest.raises(WrongState):
        decide(clinic.session(Status.IN_PROGRESS), True, ana)
    assert rows(Consent) == []


def test_the_service_records_while_the_patient_agrees(clinic, session, ana, service):
    decide(session, True, ana)
    assert (service.asked, on_at_service(clinic, session)) == (["record True"], True)
    assert recordings.standing(clinic.now(session), video=service).running
    decide(session, False, ana)
    assert (service.asked[1:], on_at_service(clinic, session)) == (["record False"], False)
    assert not recordings.standing(clinic.now(session), video=service).running


def test_without_consent_the_service_is_told_nothing(clinic, session, ana, service):
    decide(session, False, ana)
    chores.run(video=service)
    assert service.asked == []


def test_who_agreed_while_waiting_is_recorded_from_the_start(clinic, ana, dr_grey, service):
    session = clinic.session(recording_enabled=True)
    decide(session, True, ana)
    assert service.asked == []
    sessions.start(access.load_session(session.id, by=dr_grey.actor), by=dr_grey.actor, video=service)
    assert service.asked == ["open_room", "record True"]


def test_a_withdrawal_that_the_service_did_not_hear_is_told_as_it_is_and_repeated(
    clinic, session, ana, service, caplog
):
    decide(session, True, ana)
    service.away = True
    decide(session, False, ana)
    standing = recordings.standing(clinic.now(session), video=service)
    assert (standing.decision, standing.running, standing.by) == ("declined", True, "provider")
    chores.run(video=service)
    assert on_at_service(clinic, session) is None
    service.away = False
    chores.run(video=service)
    assert service.asked == ["record True", *["record False"] * 3]
    assert not recordings.standing(clinic.now(session), video=service).running
    chores.run(video=service)
    assert len(service.asked) == 4
    assert all(word not in caplog.text for word in ("Ana", "Lima", ana.id, session.room))


def test_a_decision_that_comes_while_the_service_is_being_told_is_carried_out_too(
    app, clinic, session, ana, service
):
    record = service.record

    def slow(room, *, on):
        record(room, on=on)
        if on:
            # Another worker: the patient thinks again before the service has answered.
            service.record = record
            with app.app_context():
                decide(clinic.now(session), False, ana)

    service.record = slow
    decide(session, True, ana)
    assert service.asked[-1] == "record False"
    assert on_at_service(clinic, session) is False


def test_a_no_is_told_to_a_service_whose_answer_to_the_yes_got_lost(clinic, session, ana, service):
    answer, service.record = service.record, losing_the_answer(service)
    decide(session, True, ana)
    assert on_at_service(clinic, session) is None
    assert recordings.standing(clinic.now(session), video=service).running
    service.record = answer
    decide(session, False, ana)
    assert service.asked == ["record True", "record False"]
    assert not recordings.standing(clinic.now(session), video=service).running


def test_what_was_perhaps_recorded_is_looked_for_when_it_is_over(clinic, session, ana, service):
    rooms.open_for(clinic.now(session), video=service)
    service.record = losing_the_answer(service)
    decide(session, True, ana)
    (recording,) = recordings_of(session)
    assert recording["status"] == "processing"


def test_a_service_that_refuses_to_record_is_not_taken_to_do_so(clinic, session, ana, service, monkeypatch):
    def refuse(room, *, on):
        raise ProviderRefused("no")

    monkeypatch.setattr(service, "record", refuse)
    decide(session, True, ana)
    standing = recordings.standing(clinic.now(session), video=service)
    assert (standing.decision, standing.running) == ("agreed", False)


def noted(session, told):
    """Another worker writes down what the service was told."""
    with transaction():
        db.session.execute(update(Session).where(Session.id == session.id).values(recording_on=told))


@pytest.mark.parametrize("meanwhile", [True, False])
def test_a_refusal_does_not_overwrite_what_another_worker_was_answered_meanwhile(
    clinic, session, ana, service, monkeypatch, meanwhile
):
    def refuse(room, *, on):
        noted(session, meanwhile)
        raise ProviderRefused("no")

    rooms.open_for(clinic.now(session), video=service)
    monkeypatch.setattr(service, "record", refuse)
    decide(session, True, ana)
    assert on_at_service(clinic, session) is meanwhile


def test_who_begins_to_tell_while_another_worker_does_leaves_no_doubt_after_both_were_refused(
    clinic, session, ana, service, monkeypatch
):
    def refuse(room, *, on):
        noted(session, False)
        raise ProviderRefused("no")

    rooms.open_for(clinic.now(session), video=service)
    service.away = True
    decide(session, True, ana)
    assert on_at_service(clinic, session) is None
    monkeypatch.setattr(service, "record", refuse)
    assert consents.repeat(video=service) == 0
    assert on_at_service(clinic, session) is False


def test_it_is_put_back_to_what_the_service_was_told_last_and_not_to_what_was_read_first(
    clinic, session, ana, service, monkeypatch
):
    def refuse(room, *, on):
        raise ProviderRefused("no")

    begin = consents._begin_to_tell

    def after_another(session, *args, **more):
        # Between our first look and our turn the other worker was refused.
        noted(session, False)
        return begin(session, *args, **more)

    rooms.open_for(clinic.now(session), video=service)
    service.away = True
    decide(session, True, ana)
    monkeypatch.setattr(service, "record", refuse)
    monkeypatch.setattr(consents, "_begin_to_tell", after_another)
    assert consents.repeat(video=service) == 0
    assert on_at_service(clinic, session) is False


def test_two_workers_that_repeat_at_once_expect_one_recording(app, clinic, session, ana, service):
    rooms.open_for(clinic.now(session), video=service)
    service.away = True
    decide(session, True, ana)
    service.away = False
    assert None not in together(app, [lambda: consents.repeat(video=service)] * 4)
    assert len(recordings_of(session)) == 1


def test_a_session_that_nobody_wishes_to_record_costs_no_statement(app, clinic):
    from support.statements import recorded

    session = clinic.now(clinic.session(Status.IN_PROGRESS))
    with recorded(app) as statements:
        assert not recordings.standing(session, video=video.provider()).wanted
    assert len(statements) == 0
    with recorded(app) as statements:
        recordings.standing(
            Session(id="x", recording_enabled=True, status="IN_PROGRESS"), video=video.provider()
        )
    assert len(statements) == 1


def test_a_room_that_is_opened_again_is_told_again(clinic, session, ana, service, monkeypatch):
    decide(session, True, ana)
    monkeypatch.setattr(service, "open_room", lambda room, **_: service.asked.append("open_room") or "second")
    rooms.ensure(clinic.now(session), by=ana.actor, video=service, doubtful=True)
    assert service.asked == ["record True", "open_room", "record True"]
    assert on_at_service(clinic, session) is True
    rooms.ensure(clinic.now(session), by=ana.actor, video=service, doubtful=True)
    assert service.asked[3:] == ["open_room"]
