"""A patient's link: bound to one patient and one session, until that is over."""

from datetime import timedelta

import pytest
from support.domain import NOW, head, rows, told

from telehealth import access, links, people, sessions, sign_ins, video
from telehealth.errors import Gone, NotFound, WrongState
from telehealth.models import Link, SignIn, Status
from telehealth.origin import Origin
from telehealth.secret import digest

PHONE = Origin("192.0.2.7", "a phone", "")


@pytest.fixture
def session(inside, moment, clinic):
    """A session tomorrow at noon."""
    return clinic.session(start=NOW + timedelta(days=1))


@pytest.fixture
def token(session, dr_grey):
    return links.make(session, by=dr_grey.actor)[0]


def enter(token):
    cookie = links.sign_in(links.find(token), PHONE)
    return sign_ins.find(cookie, PHONE, passive=False, in_call=False)


def is_over(token):
    with pytest.raises(Gone):
        links.find(token)
    return True


def test_a_link_is_for_the_sessions_patient(session, token, ana):
    link = links.find(token)
    assert (link.session_id, link.user_id) == (session.id, ana.id)


def test_only_the_hash_of_a_token_is_kept(token):
    assert len(token) >= 40
    assert [row["token_hash"] for row in rows(Link)] == [digest(token)]
    assert token not in str(rows(Link))


def test_a_token_is_never_made_twice(session, dr_grey):
    assert len({links.make(session, by=dr_grey.actor)[0] for _ in range(5)}) == 5


def test_a_wrong_token_is_not_found(token):
    for wrong in ("", "x", token[:-1], token + "A", token.swapcase()):
        with pytest.raises(NotFound) as refusal:
            links.find(wrong)
        assert refusal.value.action is None


def test_looking_at_a_link_changes_nothing(token):
    before, since = (rows(Link), rows(SignIn)), head()
    for _ in range(3):
        links.find(token)
    assert (rows(Link), rows(SignIn)) == before
    assert told(since) == []


def test_a_link_works_as_often_as_needed(session, token, ana):
    since = head()
    actors = [enter(token) for _ in range(3)]
    assert len({actor.sign_in_id for actor in actors}) == 3
    assert {(actor.user_id, actor.via, actor.only_session) for actor in actors} == {
        (ana.id, "link", session.id)
    }
    assert told(since) == ["session.link_used by patient"] * 3
    assert rows(Link)[0]["opened_at"] == NOW


def test_who_came_by_a_link_sees_that_session_and_nothing_else(session, token, clinic, ana):
    other = clinic.session(visit=access.load_session(session.id, by=ana.actor).visit)
    actor = enter(token)
    assert access.load_session(session.id, by=actor).id == session.id
    with pytest.raises(NotFound):
        access.load_session(other.id, by=actor)
    with pytest.raises(NotFound):
        access.load_visit(session.visit_id, by=actor)


def test_a_new_link_ends_the_one_before_it(session, token, dr_grey, sam):
    actor = enter(token)
    newer, _ = links.make(session, by=sam.actor)
    assert is_over(token)
    assert links.find(newer).session_id == session.id
    assert rows(SignIn, SignIn.id == actor.sign_in_id)[0]["ended_at"] == NOW


def test_a_revoked_link_is_over_and_so_is_what_it_opened(session, token, dr_grey):
    cookie = links.sign_in(links.find(token), PHONE)
    since = head()
    for _ in range(2):
        links.revoke(session, by=dr_grey.actor)
    assert is_over(token)
    assert sign_ins.find(cookie, PHONE, passive=True, in_call=True) is None
    assert told(since) == ["session.link_revoked by doctor"]


def test_a_link_outlives_neither_the_end_nor_a_cancel(clinic, inside, moment, dr_grey):
    running, planned = clinic.session(Status.IN_PROGRESS), clinic.session()
    one, two = (links.make(session, by=dr_grey.actor)[0] for session in (running, planned))
    sessions.end(running, by=dr_grey.actor, video=video.provider())
    sessions.cancel(planned, by=dr_grey.actor)
    assert is_over(one)
    assert is_over(two)


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED, Status.FAILED])
def test_no_link_is_made_for_what_is_over(inside, clinic, sam, status):
    with pytest.raises(WrongState):
        links.make(clinic.session(status), by=sam.actor)
    assert rows(Link) == []


def test_a_link_works_from_now_until_a_day_after_its_time(session, token, moment):
    assert rows(Link)[0]["expires_at"] == NOW + timedelta(days=2)
    moment.move_to(NOW + timedelta(days=2))
    assert links.find(token)
    moment.shift(1)
    assert is_over(token)


def test_a_link_lasts_as_long_as_the_call(session, token, dr_grey, moment):
    sessions.start(session, by=dr_grey.actor, video=video.provider())
    moment.shift(timedelta(days=3))
    assert links.find(token).session_id == session.id


def test_a_link_made_late_works_for_a_day(session, dr_grey, moment):
    moment.shift(timedelta(days=9))
    _, link = links.make(session, by=dr_grey.actor)
    assert link.expires_at == NOW + timedelta(days=10)


def test_nobody_deactivated_comes_in_by_a_link(token, ana, sam):
    people.set_active(access.load_person(ana.id, by=sam.actor), False, by=sam.actor)
    assert is_over(token)


def test_a_link_made_and_used_leaves_no_secret_in_the_audit(session, token, dr_grey):
    enter(token)
    links.revoke(session, by=dr_grey.actor)
    kept = str([vars(entry) for entry in links.audit.session_history(session.id)])
    assert token not in kept
    assert digest(token) not in kept
