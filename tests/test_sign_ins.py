"""Sign-ins: made, found again, ended; and what somebody who guesses gets."""

from datetime import timedelta

import pytest
from support.cast import PASSWORD
from support.domain import NOW, entries, head, page_id, rows, together, told

from telehealth import (
    access,
    api_tokens,
    calls,
    limits,
    links,
    passwords,
    people,
    presence,
    sign_ins,
    signals,
)
from telehealth.errors import Gone, TooMany, WrongState
from telehealth.models import Limit, Role, SignIn, Status
from telehealth.origin import Origin
from telehealth.secret import digest
from telehealth.sign_ins import ABSOLUTE, IDLE

DESK = Origin("192.0.2.1", "a browser", "0123456789abcdef")
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


def sign_in(who, password=PASSWORD):
    return sign_ins.sign_in(who.part.email, password, DESK)


def find(cookie, *, passive=False, in_call=False):
    return sign_ins.find(cookie, DESK, passive=passive, in_call=in_call)


def set_active(who, active, by):
    people.set_active(access.load_person(who.id, by=by.actor), active, by=by.actor)


def refusals(since):
    return [(one.actor_role, one.outcome, one.reason) for one in entries(since)]


@pytest.mark.parametrize("key", ["dr_grey", "ana", "sam"])
def test_the_right_password_signs_in(person, key):
    who, since = person(key), head()
    actor = find(sign_in(who))
    assert (actor.user_id, actor.role, actor.name) == (who.id, who.part.role, who.name)
    assert (actor.via, actor.only_session) == ("password", None)
    assert (actor.address, actor.agent, actor.request_id) == (DESK.address, DESK.agent, DESK.request_id)
    assert told(since) == [f"user.sign_in by {who.part.role}"]
    assert (entries(since)[0].address, entries(since)[0].object_id) == (DESK.address, who.id)


def test_an_email_address_is_typed_as_people_type(ana):
    assert sign_ins.sign_in("  ANA@People.Example ", PASSWORD, DESK)


def test_every_sign_in_has_a_secret_of_its_own_and_only_its_hash_is_kept(ana):
    cookies = {sign_in(ana) for _ in range(3)}
    assert len(cookies) == 3
    assert {row["token_hash"] for row in rows(SignIn)} == {digest(cookie) for cookie in cookies}


@pytest.mark.parametrize("cookie", ["", "x", "é\x00", "a" * 5000])
def test_a_cookie_that_we_never_gave_is_nobodys(cookie):
    assert find(cookie) is None


def test_unknown_and_wrong_and_deactivated_get_the_same_answer(ana, ben, sam):
    set_active(ben, False, sam)
    since = head()
    assert sign_ins.sign_in("nobody@people.example", PASSWORD, DESK) is None
    assert sign_in(ana, "not her password at all") is None
    assert sign_in(ben) is None
    assert refusals(since) == [
        ("stranger", "denied", "password"),
        ("patient", "denied", "password"),
        ("patient", "denied", "password"),
    ]


def test_whoever_is_refused_costs_the_same_work(monkeypatch, ana, ben, sam):
    people.create(Role.PATIENT, people.Details("new@people.example", "New Person"), by=sam.actor)
    set_active(ben, False, sam)
    for _ in range(limits.PER_ACCOUNT):
        limits.count("account", "locked@people.example", limits.PER_ACCOUNT)
    worked = []
    monkeypatch.setattr(passwords, "_apart", lambda work, *args: worked.append(work.__name__) or False)
    passwords._decoy()
    for email, password in (
        (ana.part.email, "not her password at all"),
        (ana.part.email, "x" * 1000),
        (ana.part.email, ""),
        (ben.part.email, PASSWORD),
        ("nobody@people.example", PASSWORD),
        ("new@people.example", PASSWORD),
        ("locked@people.example", PASSWORD),
        ("no address", PASSWORD),
    ):
        before = len(worked)
        assert sign_ins.sign_in(email, password, DESK) is None
        assert worked[before:] == ["_verify"], email


def test_an_invited_person_without_a_password_cannot_sign_in(sam):
    people.create(Role.PATIENT, people.Details("new@people.example", "New Person"), by=sam.actor)
    for password in ("", "nobody has this password", "None"):
        assert sign_ins.sign_in("new@people.example", password, DESK) is None


def test_what_was_typed_is_nowhere_in_the_audit(ana):
    since = head()
    sign_ins.sign_in("my secret sentence", "my secret sentence", DESK)
    sign_in(ana, "my other sentence here")
    kept = str([vars(entry) for entry in entries(since)] + rows(Limit))
    assert "sentence" not in kept
    assert ana.part.email not in kept


def test_ten_wrong_passwords_lock_the_account_for_the_right_one_too(ana, ben, moment):
    since = head()
    for _ in range(limits.PER_ACCOUNT):
        assert sign_in(ana, "not her password at all") is None
    assert sign_in(ana) is None
    assert refusals(since)[-2:] == [("patient", "denied", "password"), ("patient", "denied", "locked")]
    assert sign_in(ben) is not None
    moment.shift(limits.WINDOW + SECOND)
    assert sign_in(ana) is not None


def test_an_unknown_account_is_locked_like_a_known_one():
    since = head()
    for _ in range(limits.PER_ACCOUNT + 1):
        assert sign_ins.sign_in("nobody@people.example", "x" * 20, DESK) is None
    assert [reason for *_, reason in refusals(since)] == ["password"] * 10 + ["locked"]


def test_a_success_begins_the_count_anew(ana):
    for _ in range(2):
        for _ in range(limits.PER_ACCOUNT - 1):
            assert sign_in(ana, "not her password at all") is None
        assert sign_in(ana) is not None


def test_somebody_inside_is_not_put_out_by_somebody_who_guesses(ana):
    cookie = sign_in(ana)
    for _ in range(limits.PER_ACCOUNT + 1):
        sign_in(ana, "not her password at all")
    assert find(cookie).user_id == ana.id


@pytest.mark.parametrize(
    ("address", "line"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix:", "unix:"),
    ],
)
def test_all_addresses_of_a_line_are_one_to_the_limits(address, line):
    assert Origin(address).line == line


def test_who_changes_the_address_within_a_line_is_refused_all_the_same(monkeypatch):
    monkeypatch.setattr(limits, "PER_ADDRESS", 3)
    for number in range(3):
        at = Origin(f"2001:db8::{number:x}")
        assert sign_ins.sign_in(f"nobody{number}@people.example", "x" * 20, at) is None
    with pytest.raises(TooMany):
        sign_ins.sign_in("nobody@people.example", "x" * 20, Origin("2001:db8::beef"))
    assert sign_ins.sign_in("nobody@people.example", "x" * 20, Origin("2001:db8:0:1::1")) is None


def test_an_address_that_tries_many_accounts_is_refused(ana, monkeypatch):
    monkeypatch.setattr(limits, "PER_ADDRESS", 3)
    for number in range(3):
        sign_ins.sign_in(f"nobody{number}@people.example", "x" * 20, DESK)
    with pytest.raises(TooMany) as refusal:
        sign_in(ana)
    assert refusal.value.retry_after == 15 * 60
    assert sign_ins.sign_in(ana.part.email, PASSWORD, Origin("192.0.2.2")) is not None


def test_many_guesses_at_once_do_not_slip_through(app, ana, monkeypatch):
    monkeypatch.setattr(passwords, "matches", lambda password, kept: False)
    since = head()
    assert together(app, [lambda: sign_in(ana, "a guess among many")] * 16) == [None] * 16
    assert sorted(reason for *_, reason in refusals(since)) == ["locked"] * 6 + ["password"] * 10


def test_many_people_sign_in_at_once(app, person, monkeypatch):
    monkeypatch.setattr(passwords, "matches", lambda password, kept: True)
    who = [person(key) for key in ("dr_grey", "dr_house", "ana", "ben", "sam")]
    cookies = together(app, [lambda p=p: sign_in(p) for p in who] * 3)
    assert {find(cookie).user_id for cookie in cookies} == {p.id for p in who}


@pytest.mark.parametrize(("key", "minutes"), [("dr_grey", 15), ("sam", 15), ("ana", 30)])
def test_an_idle_sign_in_ends(person, moment, key, minutes):
    cookie = sign_in(person(key))
    moment.shift(timedelta(minutes=minutes))
    assert find(cookie) is not None
    moment.shift(timedelta(minutes=minutes) + SECOND)
    assert find(cookie) is None
    assert find(cookie) is None


def test_polls_and_streams_extend_nothing(ana, moment):
    cookie = sign_in(ana)
    for _ in range(30):
        moment.shift(60)
        assert find(cookie, passive=True) is not None
    moment.shift(1)
    assert find(cookie, passive=True) is None


def test_any_sign_in_ends_after_twelve_hours(ana, moment):
    cookie = sign_in(ana)
    for _ in range(ABSOLUTE // timedelta(minutes=20)):
        moment.shift(timedelta(minutes=20))
        assert find(cookie) is not None
    moment.shift(1)
    assert find(cookie) is None


def test_a_use_is_not_written_down_at_every_request(ana, moment):
    cookie = sign_in(ana)
    moment.shift(20)
    find(cookie)
    assert rows(SignIn)[0]["last_used_at"] == NOW
    moment.shift(20)
    find(cookie)
    assert rows(SignIn)[0]["last_used_at"] == NOW + 40 * SECOND


@pytest.mark.parametrize("status", Status.OPEN)
def test_a_call_and_a_wait_are_not_cut_but_the_pages_around_them_are(clinic, ana, moment, status):
    session, cookie, page = clinic.session(status), sign_in(ana), page_id()
    calls.enter(session, page, by=find(cookie))
    for _ in range(3 * 60):
        moment.shift(60)
        actor = find(cookie, passive=True, in_call=True)
        calls.heard(session, page, by=actor, connected=True)
    assert find(cookie) is None


def test_a_call_keeps_its_own_session_and_visit_open_and_no_others(clinic, dr_grey, moment):
    visit, other = clinic.visit(), clinic.visit()
    session, another = clinic.session(Status.IN_PROGRESS, visit), clinic.session(Status.IN_PROGRESS, other)
    cookie, page = sign_in(dr_grey), page_id()
    calls.enter(session, page, by=find(cookie))
    moment.shift(IDLE[Role.DOCTOR] - SECOND)
    calls.heard(session, page, by=find(cookie, passive=True), connected=True)
    moment.shift(60)

    def opens(**asked):
        return sign_ins.find(cookie, DESK, passive=True, in_call=True, **asked) is not None

    assert opens(session_id=session.id) and opens(visit_id=visit.id)
    assert not opens(session_id=another.id) and not opens(visit_id=other.id)


def test_nobody_waits_longer_than_a_sign_in_may_live(clinic, ana, moment):
    session, cookie, page = clinic.session(Status.SCHEDULED), sign_in(ana), page_id()
    calls.enter(session, page, by=find(cookie))
    for _ in range(ABSOLUTE // timedelta(minutes=20)):
        moment.shift(20 * 60)
        calls.heard(session, page, by=find(cookie, passive=True, in_call=True), connected=False)
    moment.shift(1)
    assert find(cookie, in_call=True) is None


def test_a_press_in_the_call_is_a_use_like_any_other(clinic, ana, moment):
    session, cookie = clinic.session(Status.IN_PROGRESS), sign_in(ana)
    page, over = page_id(), NOW + ABSOLUTE
    calls.enter(session, page, by=find(cookie))
    for _ in range(40):
        moment.shift(60)
        calls.heard(session, page, by=find(cookie, passive=True, in_call=True), connected=True)
    assert find(cookie) is None
    assert find(cookie, in_call=True) is not None
    assert find(cookie) is not None
    calls.heard(session, page, by=find(cookie), connected=True)
    moment.move_to(over + SECOND)
    calls.heard(session, page, by=ana.actor, connected=True)
    assert find(cookie) is None


def test_a_call_that_nobody_hears_of_keeps_no_sign_in(clinic, ana, moment):
    session, cookie = clinic.session(Status.IN_PROGRESS), sign_in(ana)
    calls.enter(session, page_id(), by=find(cookie))
    moment.shift(IDLE[Role.PATIENT] + SECOND)
    assert find(cookie, in_call=True) is None


def test_two_minutes_without_network_in_a_long_call_sign_nobody_out(clinic, ana, moment):
    session, cookie, page = clinic.session(Status.IN_PROGRESS), sign_in(ana), page_id()
    calls.enter(session, page, by=find(cookie))
    for _ in range(31):
        moment.shift(60)
        calls.heard(session, page, by=find(cookie, passive=True, in_call=True), connected=True)
    moment.shift(120)
    assert find(cookie, passive=True, in_call=True) is not None


def test_who_is_put_out_while_nobody_hears_of_them_is_put_out_for_the_others_too(
    clinic, dr_grey, ana, sam, moment
):
    session, cookie, page, other = clinic.session(Status.IN_PROGRESS), sign_in(ana), page_id(), page_id()
    calls.enter(session, other, by=dr_grey.actor)
    calls.enter(session, page, by=find(cookie))
    moment.shift(presence.STALE["in_call"] + SECOND)
    calls.heard(session, other, by=dr_grey.actor, connected=True)
    presence.sweep()
    set_active(ana, False, sam)
    [*_, last] = signals.read(other, 0)
    assert last.kind == "participant-left"
    assert page in last.body


def test_signing_out_ends_this_sign_in_and_no_other(ana):
    here, elsewhere, since = sign_in(ana), sign_in(ana), head()
    sign_ins.sign_out(find(here))
    assert find(here, in_call=True) is None
    assert find(elsewhere) is not None
    assert told(since) == ["user.sign_out by patient"]


def test_who_is_deactivated_is_out_at_once_and_stays_out(ana, sam):
    cookie = sign_in(ana)
    token = api_tokens.create(access.load_person(ana.id, by=sam.actor), "", by=sam.actor)
    set_active(ana, False, sam)
    assert find(cookie, in_call=True) is None
    assert api_tokens.find(token, DESK) is None
    set_active(ana, True, sam)
    assert find(cookie) is None
    assert api_tokens.find(token, DESK) is None
    assert sign_in(ana) is not None


def test_a_new_password_ends_every_sign_in(ana, sam):
    cookies = [sign_in(ana) for _ in range(2)]
    invitation = people.invite(access.load_person(ana.id, by=sam.actor), by=sam.actor)
    people.accept(invitation, "an entirely new sentence", origin=DESK)
    assert [find(cookie) for cookie in cookies] == [None, None]
    assert sign_in(ana) is None
    assert sign_in(ana, "an entirely new sentence") is not None


def test_a_links_sign_in_is_idle_like_its_patients(clinic, dr_grey, moment):
    token, _ = links.make(clinic.session(), by=dr_grey.actor)
    cookie = links.sign_in(links.find(token), DESK)
    moment.shift(IDLE[Role.PATIENT])
    assert find(cookie).via == "link"
    moment.shift(IDLE[Role.PATIENT] + SECOND)
    assert find(cookie) is None


def test_revoking_and_opening_a_link_at_once_leaves_nobody_inside(app, clinic, dr_grey):
    session = clinic.session()
    for _ in range(5):
        token, _link = links.make(session, by=dr_grey.actor)

        def enter(token=token):
            return links.sign_in(links.find(token), DESK)

        *cookies, _none = together(
            app, [enter, enter, enter, lambda: links.revoke(session, by=dr_grey.actor)]
        )
        inside = [one for one in cookies if isinstance(one, str) and find(one)]
        assert all(isinstance(one, (str, Gone, WrongState)) for one in cookies)
        assert inside == []
