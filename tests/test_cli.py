"""The commands, as operators and scripts call them."""

import re

import pytest
from sqlalchemy import text
from support.apps import command
from support.cast import PASSWORD
from support.domain import head, page_id, rows, told

from telehealth import api_tokens, calls, chores, people, sign_ins, video
from telehealth.extensions import db
from telehealth.models import ApiToken, Participation, Status, User
from telehealth.origin import Origin
from telehealth.secret import digest
from telehealth.store import transaction

CREATE = ["create-user", "--role", "doctor", "--email", "New@Clinic.example", "--name", "Dr New"]


@pytest.fixture
def run(app):
    """Runs a command; the exit code is what must come back."""

    def invoke(*args, code=0, **more):
        result = command(app, *args, **more)
        assert result.exit_code == code, result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return invoke


def test_a_new_user_is_the_last_line_alone(app, run):
    result = run(*CREATE, "--password-stdin", input=f"{PASSWORD}\n")
    with app.app_context():
        user = people.by_email("new@clinic.example")
        assert result.stdout.splitlines()[-1] == user.id
        assert (user.role, user.name, user.demo, user.active) == ("doctor", "Dr New", False, True)
        assert sign_ins.sign_in("new@clinic.example", PASSWORD, Origin()) is not None


def test_a_password_is_asked_for_twice_and_not_shown(app, run):
    result = run(*CREATE, input=f"{PASSWORD}\n{PASSWORD}\n")
    with app.app_context():
        assert result.stdout.splitlines()[-1] == people.by_email("new@clinic.example").id
    assert PASSWORD not in result.output


def test_everything_about_a_person_can_be_given(app, run):
    more = ["--phone", "+49 30 123456", "--date-of-birth", "1984-05-17", "--password-stdin"]
    run(*CREATE, *more, input=f"{PASSWORD}\r\n")
    with app.app_context():
        user = people.by_email("new@clinic.example")
        assert (user.phone, str(user.date_of_birth)) == ("+49 30 123456", "1984-05-17")


@pytest.mark.parametrize(
    ("more", "typed", "told_about"),
    [
        ([], "short\n", "password"),
        ([], "\n", "password"),
        (["--email", "grey@clinic.example"], f"{PASSWORD}\n", "email"),
        (["--email", "nobody"], f"{PASSWORD}\n", "email"),
        (["--phone", "123"], f"{PASSWORD}\n", "phone"),
        (["--date-of-birth", "1800-01-01"], f"{PASSWORD}\n", "date_of_birth"),
    ],
)
def test_what_is_wrong_is_told_and_nobody_is_added(app, run, more, typed, told_about):
    result = run(*CREATE, *more, "--password-stdin", input=typed, code=1)
    assert result.stderr.startswith(f"Error: {told_about}: ")
    assert result.stdout == ""
    with app.app_context():
        assert len(rows(User)) == 5


def test_a_role_that_there_is_not_is_refused(run):
    run("create-user", "--role", "admin", "--email", "a@b.example", "--name", "A", code=2)


def test_an_api_token_is_printed_once_and_kept_by_its_hash(app, run, dr_grey):
    result = run("create-api-token", "Grey@clinic.example", "--name", "lab")
    (token,) = result.stdout.split()
    with app.app_context():
        assert api_tokens.find(token, Origin()).user_id == dr_grey.id
        assert [(row["name"], row["token_hash"]) for row in rows(ApiToken)] == [("lab", digest(token))]


def test_api_tokens_are_listed_and_revoked_one_at_a_time(app, run, dr_grey, sam):
    secrets = [
        run("create-api-token", who.part.email, "--name", what).stdout.strip()
        for who, what in ((dr_grey, "lab"), (dr_grey, "booking"), (sam, "lab"))
    ]
    listed = [line.split("\t") for line in run("api-tokens").stdout.splitlines()]
    assert [line[2:] for line in listed] == [
        [dr_grey.part.email, "lab", "works"],
        [dr_grey.part.email, "booking", "works"],
        [sam.part.email, "lab", "works"],
    ]
    assert run("api-tokens", dr_grey.part.email).stdout.count("\n") == 2
    with app.app_context():
        since = head()
    run("revoke-api-token", listed[0][0])
    with app.app_context():
        assert told(since) == ["user.api_token_revoked by system"]
        works = [api_tokens.find(secret, Origin()) is not None for secret in secrets]
    assert works == [False, True, True]
    output = run("api-tokens").stdout
    assert "\trevoked 20" in output.splitlines()[0]
    assert not any(secret in output or digest(secret) in output for secret in secrets)
    for gone in (listed[0][0], "nothing", secrets[1]):
        assert "no token that works" in run("revoke-api-token", gone, code=1).stderr
    assert "nobody" in run("api-tokens", "nobody@clinic.example", code=1).stderr


def test_nobody_gets_no_token(app, run, ben, sam):
    with app.app_context():
        user = people.by_email(ben.part.email)
        people.set_active(user, False, by=sam.actor)
    for email in ("nobody@clinic.example", ben.part.email):
        result = run("create-api-token", email, code=1)
        assert result.stdout == ""
    with app.app_context():
        assert rows(ApiToken) == []


def test_the_demo_fills_an_empty_database(new_app):
    result = command(new_app, "demo")
    assert result.exit_code == 0
    assert "password:" in result.output
    assert "/join/" in result.output


def test_the_demo_refuses_where_there_are_people(app, run):
    with app.app_context():
        before, since = rows(User), head()
    result = run("demo", code=1)
    assert "nothing was changed" in result.stderr
    with app.app_context():
        assert rows(User) == before
        assert told(since) == []


def test_a_later_start_tells_the_address_alone(app, run):
    with app.app_context():
        since = head()
    result = run("demo", "--if-empty")
    assert result.output == "Telehealth: http://localhost/sign-in\n"
    with app.app_context():
        assert told(since) == []


def test_reconcile_closes_what_was_lost_and_ends_no_embedded_call_at_one_look(app, run, clinic, ana, moment):
    session, page = clinic.session(Status.IN_PROGRESS), page_id()
    with app.app_context():
        calls.enter(session, page, by=ana.actor)
        calls.heard(session, page, by=ana.actor, connected=True)

    def reconcile():
        lines = dict(line.split(": ") for line in run("reconcile").output.splitlines())
        return [int(lines["lost connections closed"]), int(lines["abandoned calls ended"])]

    assert reconcile() == [0, 0]
    moment.shift(300)
    assert reconcile() == [1, 0]
    assert reconcile() == [0, 0]
    moment.shift(chores.ABANDONED)
    assert reconcile() == [0, 0], "their pages may speak as soon as the server runs"
    assert clinic.now(session).status == Status.IN_PROGRESS
    with app.app_context():
        assert rows(Participation)[0]["state"] == "lost"
        for _look in range(chores.LOOKS):
            chores.run_by_itself(video=video.provider())
    assert clinic.now(session).status == Status.COMPLETED
    assert reconcile() == [0, 0]


def test_verify_audit_prints_the_head_to_anchor(app, run, clinic):
    clinic.session()
    (number, count, mac) = re.fullmatch(
        r"(\d+) entries, unbroken; head (\d+):([0-9a-f]{64})\n", run("verify-audit").output
    ).groups()
    with app.app_context():
        assert int(number) == int(count) == head()
    clinic.session()
    assert "unbroken" in run("verify-audit", "--anchor", f"{count}:{mac}").output
    result = run("verify-audit", "--anchor", f"{count}:{mac[::-1]}", code=1)
    assert result.output == f"broken at entry {count}: the anchor is not in the chain\n"


def test_verify_audit_tells_the_first_bad_row(app, run, clinic):
    clinic.session()
    with app.app_context(), transaction():
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("ALTER TABLE audit_entries DISABLE TRIGGER USER"))
        else:
            db.session.execute(text("DROP TRIGGER audit_no_update"))
        db.session.execute(text("UPDATE audit_entries SET actor_id = 'x' WHERE id IN (3, 5)"))
    assert run("verify-audit", code=1).output == "broken at entry 3: it was changed\n"


@pytest.mark.parametrize("anchor", ["7", "7:", ":ab", "x:ab", "-1:ab", "²:ab"])
def test_an_anchor_that_is_none_is_refused(run, anchor):
    assert "looks like" in run("verify-audit", f"--anchor={anchor}", code=1).stderr


def test_every_command_tells_what_it_does(app, run):
    listed = run("--help").output
    for name in (
        *("create-user", "create-api-token", "api-tokens", "revoke-api-token"),
        *("demo", "reconcile", "verify-audit"),
    ):
        assert re.search(rf"^  {name} +\S", listed, re.MULTILINE)
