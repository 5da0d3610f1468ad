"""Many at once: nobody waits for somebody who waits for them, and what was ended is ended."""

from threading import Thread

import pytest
from support.calling import end, states
from support.cast import PASSWORD
from support.domain import page_id, rows, together

from telehealth import access, calls, links, passwords, people, presence, sessions, sign_ins
from telehealth.errors import Gone, NotFound, Unauthenticated, WrongState
from telehealth.extensions import db
from telehealth.models import Session, SignIn, Status
from telehealth.origin import Origin
from telehealth.store import transaction

PHONE = Origin("192.0.2.7", "a phone", "")


@pytest.fixture(autouse=True)
def _here(inside):
    """Every test is inside the app."""


@pytest.fixture
def late(app, monkeypatch):
    """Lets something else begin in the middle of a change, which has to wait for its end."""
    others = []

    def begin(module, name, work):
        step = getattr(module, name)

        def run():
            with app.app_context():
                work()

        def slowly(*given):
            others.append(Thread(target=run))
            others[0].start()
            others[0].join(1)
            assert others[0].is_alive(), "it did not wait"
            return step(*given)

        monkeypatch.setattr(module, name, slowly)

    def over():
        others[0].join()
        return True

    begin.over = over
    return begin


def connect(session, actor):
    page = page_id()
    calls.enter(session, page, by=actor)
    calls.heard(session, page, by=actor, connected=True)
    return page


def faults(answers):
    """What is neither an answer nor a refusal that belongs to the race."""
    expected = (WrongState, Gone, NotFound, Unauthenticated)
    return [one for one in answers if isinstance(one, Exception) and not isinstance(one, expected)]


def test_all_can_come_go_and_end(app, clinic, dr_grey, ana):
    visit = clinic.visit()
    for _ in range(4):
        found = [clinic.session(Status.IN_PROGRESS, visit) for _ in range(3)]
        pages = [(one, connect(one, dr_grey.actor), connect(one, ana.actor)) for one in found]
        db.session.rollback()
        works = []
        for one, doctors, patients in pages:
            works += [
                lambda one=one: end(one, dr_grey),
                lambda one=one, page=doctors: calls.step_out(one, page, by=dr_grey.actor),
                lambda one=one: sessions.leave(one, by=ana.actor),
                lambda one=one, page=patients: calls.heard(one, page, by=ana.actor, connected=True),
                lambda one=one: calls.enter(one, page_id(), by=ana.actor),
                presence.sweep,
            ]
        assert faults(together(app, works)) == []
        for one in found:
            assert rows(Session, Session.id == one.id)[0]["status"] == Status.COMPLETED
            assert not {"in_call", "waiting"} & set(states(one).values())


def test_a_link_can_be_used_and_revoked_and_replaced(app, clinic, dr_grey):
    session = clinic.session(Status.IN_PROGRESS)
    connect(session, dr_grey.actor)

    def visitor(token):
        cookie = links.sign_in(links.find(token), PHONE)
        return sign_ins.find(cookie, PHONE, passive=True, in_call=True)

    for _ in range(6):
        token, _link = links.make(session, by=dr_grey.actor)
        actor = visitor(token)
        connect(session, actor)
        db.session.rollback()
        answers = together(
            app,
            [
                lambda token=token: visitor(token),
                lambda token=token: visitor(token),
                lambda actor=actor: sign_ins.sign_out(actor),
                lambda actor=actor: calls.enter(session, page_id(), by=actor),
                lambda: links.revoke(session, by=dr_grey.actor),
                lambda: links.revoke(session, by=dr_grey.actor),
            ],
        )
        assert faults(answers) == []
        assert rows(SignIn, SignIn.ended_at.is_(None)) == []


def test_somebody_can_sign_out_everywhere_while_their_calls_go_on(app, clinic, ana, sam, dr_grey):
    visit = clinic.visit()
    for _ in range(4):
        cookies = [sign_ins.sign_in(ana.part.email, PASSWORD, PHONE) for _ in range(3)]
        actors = [sign_ins.find(one, PHONE, passive=True, in_call=True) for one in cookies]
        found = [clinic.session(Status.IN_PROGRESS, visit) for _ in range(3)]
        for one in found:
            connect(one, dr_grey.actor)
        for actor, one in zip(actors, found, strict=True):
            connect(one, actor)
        db.session.rollback()
        works = [lambda actor=actor: sign_ins.sign_out(actor) for actor in actors]
        works += [lambda one=one: end(one, dr_grey) for one in found]

        def everywhere():
            with transaction():
                sign_ins.end_all(access.load_person(ana.id, by=sam.actor))

        assert faults(together(app, [*works, everywhere, everywhere])) == []
        assert rows(SignIn, SignIn.ended_at.is_(None)) == []


def test_somebody_deactivated_a_moment_ago_comes_in_by_no_way(app, clinic, dr_grey, ana, sam, monkeypatch):
    session = clinic.session(Status.IN_PROGRESS)
    _token, link = links.make(session, by=dr_grey.actor)
    cookie = sign_ins.sign_in(ana.part.email, PASSWORD, PHONE)
    actor = sign_ins.find(cookie, PHONE, passive=True, in_call=True)
    matches = passwords.matches

    def slowly(password, kept):
        people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor)
        return matches(password, kept)

    monkeypatch.setattr(passwords, "matches", slowly)
    assert sign_ins.sign_in(ana.part.email, PASSWORD, PHONE) is None
    with pytest.raises(Gone):
        links.sign_in(link, PHONE)
    with pytest.raises(Unauthenticated):
        calls.enter(session, page_id(), by=actor)
    assert rows(SignIn, SignIn.ended_at.is_(None)) == []
    assert states(session) == {}


def test_a_password_that_was_changed_a_moment_ago_opens_nothing(app, ana, sam, monkeypatch):
    matches = passwords.matches

    def slowly(password, kept):
        token = people.invite(access.load_person(ana.id, by=sam.actor), by=sam.actor)
        people.accept(token, "another long password", origin=PHONE)
        return matches(password, kept)

    monkeypatch.setattr(passwords, "matches", slowly)
    assert sign_ins.sign_in(ana.part.email, PASSWORD, PHONE) is None
    assert rows(SignIn, SignIn.ended_at.is_(None)) == []


def test_a_sign_in_that_ended_a_moment_ago_comes_into_no_call(app, clinic, ana):
    session = clinic.session(Status.IN_PROGRESS)
    actor = sign_ins.find(
        sign_ins.sign_in(ana.part.email, PASSWORD, PHONE), PHONE, passive=True, in_call=True
    )
    sign_ins.sign_out(actor)
    with pytest.raises(Unauthenticated):
        calls.enter(session, page_id(), by=actor)
    assert states(session) == {}


@pytest.mark.parametrize("by_link", [False, True], ids=["password", "link"])
def test_whoever_is_deactivated_while_they_sign_in_is_not_in(app, clinic, dr_grey, ana, sam, by_link, late):
    _token, link = links.make(clinic.session(), by=dr_grey.actor)
    late(
        sign_ins,
        "begin",
        lambda: people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor),
    )
    if by_link:
        links.sign_in(link, PHONE)
    else:
        sign_ins.sign_in(ana.part.email, PASSWORD, PHONE)
    assert late.over() and rows(SignIn, SignIn.ended_at.is_(None)) == []


def test_whoever_signs_out_while_they_come_in_does_not_stay(app, clinic, ana, late):
    session = clinic.session(Status.IN_PROGRESS)
    cookie = sign_ins.sign_in(ana.part.email, PASSWORD, PHONE)
    actor = sign_ins.find(cookie, PHONE, passive=True, in_call=True)
    late(calls, "_parts", lambda: sign_ins.sign_out(actor))
    calls.enter(session, page_id(), by=actor)
    assert late.over() and set(states(session).values()) == {"left"}
