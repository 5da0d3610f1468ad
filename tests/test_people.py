"""People: created, corrected, kept out, invited to choose a password."""

from datetime import date, timedelta

import pytest
from support.cast import PASSWORD
from support.domain import NOW, head, rows, together, told

from telehealth import access, people, sign_ins
from telehealth.access import SYSTEM, Actor
from telehealth.errors import Gone, Invalid, NotAllowed, NotFound
from telehealth.models import Invitation, Role, User
from telehealth.origin import Origin
from telehealth.people import Details
from telehealth.secret import digest

DESK = Origin("192.0.2.1", "a browser", "")
CHOSEN = "an entirely new sentence"


@pytest.fixture(autouse=True)
def _here(inside, moment):
    """Every test is inside the app, at one moment."""


def load(who, by):
    return access.load_person(who.id, by=by.actor)


def details(**more):
    return Details(**{"email": "new@people.example", "name": "New Person", **more})


def row_of(user_id):
    return rows(User, User.id == user_id)[0]


@pytest.mark.parametrize("role", Role.ALL)
def test_staff_add_people_of_every_role(sam, role):
    since = head()
    user = people.create(role, details(phone="+49 30 123456", date_of_birth=date(1984, 5, 17)), by=sam.actor)
    assert row_of(user.id) | {"password_hash": None} == {
        "id": user.id,
        "role": role,
        "email": "new@people.example",
        "name": "New Person",
        "phone": "+49 30 123456",
        "date_of_birth": date(1984, 5, 17),
        "password_hash": None,
        "active": True,
        "demo": False,
        "created_at": NOW,
    }
    assert told(since) == ["user.create by staff"]


def test_what_was_typed_is_tidied(sam):
    user = people.create(
        Role.PATIENT, details(email="  New@People.EXAMPLE ", name=" New \t Person ", phone=" "), by=sam.actor
    )
    assert (user.email, user.name, user.phone) == ("new@people.example", "New Person", None)
    assert people.by_email(" NEW@people.example").id == user.id


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a@b"}, "email"),
        ({"email": "a b@people.example"}, "email"),
        ({"email": "a@people.example, b@people.example"}, "email"),
        ({"email": "a@people.example\nbcc: b@people.example"}, "email"),
        ({"email": "a" * 64 + "@" + "b" * 180 + "." + "c" * 60}, "email"),
        ({"name": "  "}, "name"),
        ({"name": "n" * 201}, "name"),
        ({"name": "Ana \u202eamiL"}, "name"),
        ({"name": "Ana\x1b[2J"}, "name"),
        ({"name": "\u200b\u3164"}, "name"),
        ({"email": "ana\u202e@people.example"}, "email"),
        ({"phone": "+49 30 123456 <b>"}, "phone"),
        ({"phone": "030 123456"}, "phone"),
        ({"phone": "+49 3"}, "phone"),
        ({"phone": "call me"}, "phone"),
        ({"phone": "+49" + " " * 40 + "30 123456"}, "phone"),
        ({"date_of_birth": date(1879, 12, 31)}, "date_of_birth"),
        ({"date_of_birth": date(2026, 6, 10)}, "date_of_birth"),
    ],
)
def test_a_wrong_detail_is_told_beside_its_field(sam, ana, wrong, field):
    before, since = rows(User), head()
    with pytest.raises(Invalid) as refusal:
        people.create(Role.PATIENT, details(**wrong), by=sam.actor)
    assert list(refusal.value.fields) == [field]
    with pytest.raises(Invalid) as refusal:
        people.change(load(ana, sam), details(**wrong), by=sam.actor)
    assert list(refusal.value.fields) == [field]
    assert rows(User) == before
    assert told(since) == []


def test_everything_wrong_is_told_at_once(sam):
    with pytest.raises(Invalid) as refusal:
        people.create(Role.PATIENT, Details("", "", "1", date(1800, 1, 1)), by=sam.actor)
    assert set(refusal.value.fields) == {"email", "name", "phone", "date_of_birth"}


def test_a_role_that_there_is_not_is_refused(sam):
    with pytest.raises(Invalid) as refusal:
        people.create("admin", details(), by=sam.actor)
    assert list(refusal.value.fields) == ["role"]


def test_an_email_address_belongs_to_one_person(sam, ana, ben):
    before, since = rows(User), head()
    with pytest.raises(Invalid) as refusal:
        people.create(Role.PATIENT, details(email="ANA@people.example"), by=sam.actor)
    assert list(refusal.value.fields) == ["email"]
    with pytest.raises(Invalid) as refusal:
        people.change(load(ben, sam), details(email=ana.part.email), by=sam.actor)
    assert list(refusal.value.fields) == ["email"]
    assert rows(User) == before
    assert told(since) == []


def test_the_same_person_from_many_at_once_is_there_once(app, sam):
    answers = together(app, [lambda: people.create(Role.PATIENT, details(), by=sam.actor).id] * 6)
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, Invalid) for answer in answers) == 5


def test_nobody_but_staff_adds_or_changes_people(clinic, sam, dr_grey, ana):
    user, since = load(ana, sam), head()
    by_link = Actor(sam.id, Role.STAFF, only_session="x" * 20)
    for by in (dr_grey.actor, ana.actor, by_link):
        for ask in (
            lambda by=by: people.create(Role.PATIENT, details(), by=by),
            lambda by=by: people.change(user, details(), by=by),
            lambda by=by: people.set_active(user, False, by=by),
            lambda by=by: people.invite(user, by=by),
            lambda by=by: access.load_person(ana.id, by=by),
        ):
            with pytest.raises(NotAllowed) as refusal:
                ask()
            assert refusal.value.action.startswith("user.")
    assert row_of(ana.id)["name"] == "Ana Lima"
    assert told(since) == []


def test_staff_correct_what_is_known(sam, ana):
    since = head()
    people.change(load(ana, sam), details(email="lima@people.example", name="Ana Maria Lima"), by=sam.actor)
    now = row_of(ana.id)
    assert (now["email"], now["name"], now["role"]) == (
        "lima@people.example",
        "Ana Maria Lima",
        Role.PATIENT,
    )
    assert told(since) == ["user.change by staff"]


def test_nobody_keeps_themselves_out(sam):
    with pytest.raises(Invalid):
        people.set_active(load(sam, sam), False, by=sam.actor)
    assert row_of(sam.id)["active"] is True


def test_keeping_out_and_letting_in_is_told(sam, ana):
    since = head()
    for active in (False, True):
        people.set_active(load(ana, sam), active, by=sam.actor)
        assert row_of(ana.id)["active"] is active
    assert told(since) == ["user.deactivate by staff", "user.activate by staff"]


def test_what_is_so_already_is_no_change(sam, ana):
    people.set_active(load(ana, sam), False, by=sam.actor)
    since = head()
    people.set_active(load(ana, sam), False, by=sam.actor)
    user = load(ana, sam)
    known = Details(user.email, user.name, user.phone or "", user.date_of_birth)
    assert not people.change(user, known, by=sam.actor)
    assert told(since) == []


def test_staff_may_act_on_one_person_at_once(app, sam, dr_grey, ana):
    """Nobody waits for somebody who waits for them."""

    def work(ask):
        return lambda: ask(load(ana, sam))

    works = [
        work(lambda user: people.set_active(user, True, by=sam.actor)),
        work(lambda user: people.set_active(user, False, by=sam.actor)),
        work(lambda user: people.change(user, details(), by=sam.actor)),
        work(lambda user: people.invite(user, by=sam.actor)),
    ]
    for _ in range(4):
        answers = together(app, works * 2)
        assert [one for one in answers if isinstance(one, Exception)] == []


def test_a_missing_person_is_not_found(sam):
    with pytest.raises(NotFound):
        access.load_person("f" * 20, by=sam.actor)


def test_the_first_password_is_set_by_its_owner(sam):
    user = people.create(Role.PATIENT, details(), by=sam.actor)
    assert row_of(user.id)["password_hash"] is None
    since = head()
    token = people.invite(user, by=sam.actor)
    assert people.accept(token, CHOSEN, origin=DESK).id == user.id
    assert sign_ins.sign_in("new@people.example", CHOSEN, DESK) is not None
    assert told(since) == ["user.invite by staff", "user.password by patient", "user.sign_in by patient"]


def test_an_invitation_is_kept_by_its_hash(sam, ana):
    token = people.invite(load(ana, sam), by=sam.actor)
    assert [row["token_hash"] for row in rows(Invitation)] == [digest(token)]


def test_an_invitation_works_once(sam, ana):
    token = people.invite(load(ana, sam), by=sam.actor)
    people.accept(token, CHOSEN, origin=DESK)
    for ask in (lambda: people.invitation(token), lambda: people.accept(token, "x" * 20, origin=DESK)):
        with pytest.raises(Gone):
            ask()
    assert sign_ins.sign_in(ana.part.email, CHOSEN, DESK) is not None


def test_an_invitation_works_once_for_many_at_once(app, sam, ana):
    token = people.invite(load(ana, sam), by=sam.actor)
    chosen = [f"an entirely new sentence {number}" for number in range(4)]
    answers = together(app, [lambda p=p: people.accept(token, p, origin=DESK).id for p in chosen])
    assert sum(isinstance(answer, str) for answer in answers) == 1
    assert sum(isinstance(answer, Gone) for answer in answers) == 3
    winner = next(number for number, answer in enumerate(answers) if isinstance(answer, str))
    assert sign_ins.sign_in(ana.part.email, chosen[winner], DESK) is not None


def test_a_newer_invitation_replaces_the_one_before_it(sam, ana):
    first, second = (people.invite(load(ana, sam), by=sam.actor) for _ in range(2))
    with pytest.raises(Gone):
        people.invitation(first)
    assert people.invitation(second).user.id == ana.id


def test_an_invitation_lasts_a_week(sam, ana, moment):
    token = people.invite(load(ana, sam), by=sam.actor)
    moment.shift(timedelta(days=7))
    assert people.invitation(token)
    moment.shift(1)
    with pytest.raises(Gone):
        people.accept(token, CHOSEN, origin=DESK)


def test_a_wrong_token_and_somebody_deactivated_look_the_same(sam, ana):
    token = people.invite(load(ana, sam), by=sam.actor)
    people.set_active(load(ana, sam), False, by=sam.actor)
    messages = set()
    for wrong in (token, "no such token"):
        with pytest.raises(Gone) as refusal:
            people.invitation(wrong)
        messages.add(refusal.value.message)
    assert len(messages) == 1


def test_a_password_that_is_refused_leaves_the_invitation_as_it_was(sam, ana):
    token = people.invite(load(ana, sam), by=sam.actor)
    for weak in ("short", ana.part.email + " is me"):
        with pytest.raises(Invalid) as refusal:
            people.accept(token, weak, origin=DESK)
        assert list(refusal.value.fields) == ["password"]
    assert sign_ins.sign_in(ana.part.email, PASSWORD, DESK) is not None
    assert people.invitation(token)


def test_people_are_found_by_name_and_address(sam, dr_grey, ana, ben):
    def listed(words, by=sam):
        return [user.name for user in people.listing(words, by=by.actor).people]

    def found(words, by=sam, role=Role.PATIENT, limit=9):
        return [user.name for user in people.search(words, by=by.actor, role=role, limit=limit)]

    assert listed("lima") == listed("ANA@") == found("lima") == ["Ana Lima"]
    assert listed("") == ["Ana Lima", "Ben Osei", "Dr Maria Grey", "Dr Paul House", "Sam Porter"]
    assert listed("%") == listed("_") == listed("\\") == []
    assert found("", role=Role.DOCTOR) == ["Dr Maria Grey", "Dr Paul House"]
    assert found("", limit=1) == ["Ana Lima"]
    assert found("", by=dr_grey, role=Role.STAFF) == ["Ana Lima", "Ben Osei"]
    people.set_active(load(ben, sam), False, by=sam.actor)
    assert found("", by=dr_grey) == found("") == ["Ana Lima"]
    assert "Ben Osei" in listed("")
    for look in (listed, found):
        with pytest.raises(NotAllowed):
            look("", by=ana)


def test_people_are_listed_a_page_at_a_time(sam, monkeypatch):
    monkeypatch.setattr(people, "PAGE", 2)
    pages = [people.listing("", by=sam.actor, page=number) for number in (1, 2, 3, 9)]
    assert [[user.name for user in one.people] for one in pages] == [
        ["Ana Lima", "Ben Osei"],
        ["Dr Maria Grey", "Dr Paul House"],
        *2 * [["Sam Porter"]],
    ]
    assert {(one.count, one.pages) for one in pages} == {(5, 3)}


def test_commands_act_as_the_system():
    since = head()
    people.create(Role.STAFF, details(), by=SYSTEM, password=CHOSEN)
    assert told(since) == ["user.create by system"]
