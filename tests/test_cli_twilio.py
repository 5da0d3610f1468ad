"""`flask test-twilio` and `flask reconcile`, as an operator runs them; each failure with what to do."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doubles.twilio import Twilio
from doubles.twilio.rest import Rest
from support import apps
from support.bad_days import PASSING, WRONG_CREDENTIALS, each
from support.databases import on_sqlite
from support.domain import page_id

from telehealth import access, calls, chores, sessions, video
from telehealth.models import Status

pytestmark = pytest.mark.twilio(quickly=True)

SECRETS = ("b" * 32, "d" * 32, "e" * 32, apps.SECRET_KEY)
ROOT = Path(__file__).parents[1]
NOTHING = {
    "rooms asked about": 0,
    "rooms found over": 0,
    "rooms closed": 0,
    "people put out of a room": 0,
    "lost connections closed": 0,
    "abandoned calls ended": 0,
}


def flask(app, *args):
    """What the program `flask` does with our app: exit code and lines."""
    result = apps.command(app, *args)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert not any(secret in result.output for secret in SECRETS)
    return result.exit_code, result.output


@pytest.fixture
def check(twilio, quickly, database_server):
    """Runs `flask test-twilio` with these settings changed; None takes one away."""

    def check(**changed):
        given = {**twilio.settings, "PUBLIC_URL": "https://visit.clinic.example", **changed}
        app = apps.make_app(url, **{name: value for name, value in given.items() if value is not None})
        try:
            return flask(app, "test-twilio")
        finally:
            apps.close(app)

    with database_server.fresh("sqlite") as url:
        yield check
    twilio.faults.clear()


def fails(answer, line, todo):
    """The one step that failed, with what to do about it."""
    code, output = answer
    (failed,) = re.findall(r"^FAIL (.+)\n     (.+)$", output, re.MULTILINE)
    assert line in failed[0], output
    assert todo in failed[1], output
    assert output.endswith("Calls would not work yet.\n")
    assert code == 1


def test_a_set_up_that_works_is_told_step_by_step(check, twilio):
    code, output = check()
    assert code == 0, output
    steps = [line for line in output.splitlines() if not line.startswith("     ")]
    assert [line.partition(":")[0] for line in steps] == [
        "ok   Settings",
        "ok   Account",
        "ok   API key",
        "ok   Video",
        "ok   Callback URL",
        "note Rooms made by browsers",
        "Calls would work.",
    ]
    assert "Client-side room creation" in output
    assert [room.status for room in twilio.rooms] == ["completed"], "the room of the test was left open"


def test_without_settings_it_says_which(check, twilio):
    answer = check(**dict.fromkeys(twilio.settings))
    fails(answer, "not all four settings", "Set TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_API_KEY")


def test_calls_kept_off_twilio_are_no_working_set_up(check):
    answer = check(VIDEO_PROVIDER="peer")
    fails(answer, "keeps calls off Twilio", "Set VIDEO_PROVIDER to auto or twilio")


def test_a_wrong_auth_token_gets_the_plain_cause_of_authenticate(check, twilio):
    since = len(twilio.requests)
    answer = check(TWILIO_AUTH_TOKEN="e" * 32)
    fails(
        answer,
        "does not accept the Auth Token (“Unable to fetch record: Authenticate”)",
        "TWILIO_AUTH_TOKEN is wrong",
    )
    assert "such as a SID" in answer[1]
    assert len(twilio.requests) == since + 1, "what rests on it was tried all the same"


def test_the_api_secret_in_place_of_the_auth_token_is_the_same_mistake(check, twilio):
    fails(
        check(TWILIO_AUTH_TOKEN=twilio.api_secret),
        "Unable to fetch record: Authenticate",
        "Copy the Auth Token",
    )


def test_while_tokens_are_exchanged_each_is_tried(check, twilio):
    code, output = check(TWILIO_AUTH_TOKEN=f"{'e' * 32},{twilio.auth_token}")
    assert code == 0, "the one that is accepted is enough"
    assert "note Account: Twilio does not accept the Auth Token" in output
    assert "ok   Account" in output
    assert "ok   Video" in output


def test_another_account_sid_is_not_accepted_with_this_token(check):
    fails(
        check(TWILIO_ACCOUNT_SID="AC" + "9" * 32),
        "Unable to fetch record: Authenticate",
        "beside this Account SID",
    )


def test_an_unknown_account(check, twilio):
    twilio.faults.fail(404, "GET /2010-04-01/Accounts/*")
    fails(check(), "knows no such account", "Check TWILIO_ACCOUNT_SID")


def test_a_suspended_account(quickly, database_server, monkeypatch):
    async def account(self, request):
        from aiohttp import web

        return web.json_response({"sid": request.match_info["sid"], "status": "suspended"})

    monkeypatch.setattr(Rest, "account", account)
    with Twilio() as other, database_server.fresh("sqlite") as url:
        for name, value in other.environment.items():
            monkeypatch.setenv(name, value)
        app = apps.make_app(url, **other.settings)
        fails(flask(app, "test-twilio"), "the account is suspended", "Open the Console")
        apps.close(app)


@pytest.mark.parametrize(
    "wrong", [{"TWILIO_API_KEY": "SK" + "9" * 32}, {"TWILIO_API_SECRET": "e" * 32}], ids=["key", "secret"]
)
def test_a_wrong_api_key(check, wrong):
    fails(
        check(**wrong), "API key: Twilio does not accept it", "TWILIO_API_KEY or TWILIO_API_SECRET is wrong"
    )


def test_a_video_service_that_refuses(check, twilio):
    twilio.faults.fail(400, "POST /v1/Rooms")
    fails(check(), "Twilio refused to open a room", "Look the error code 400 up")


@each(PASSING)
@pytest.mark.parametrize(
    ("on", "name"), [("GET /2010-04-01/*", "Account"), ("POST /v1/Rooms", "Video")], ids=["account", "video"]
)
def test_no_answer(check, twilio, trouble, on, name):
    trouble(twilio.faults, on)
    fails(check(), f"{name}: ", "may connect to *.twilio.com on port 443")


@pytest.mark.parametrize(
    "url",
    [
        *("http://localhost:8000", "http://127.0.0.1", "https://localhost", "https://192.168.1.5"),
        *("https://[fd00::1]", "https://clinic", "https://visit.clinic.local"),
    ],
)
def test_an_address_of_this_machine_or_network_is_only_worth_a_note(check, url):
    code, output = check(PUBLIC_URL=url)
    assert "note Callback URL: PUBLIC_URL is of this machine or this network only." in output
    assert "Set PUBLIC_URL to the https address" in output
    assert code == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"TWILIO_AUTH_TOKEN": "AC" + "a" * 32}, "TWILIO_AUTH_TOKEN: is not an Auth Token; the SIDs are"),
        ({"TWILIO_AUTH_TOKEN": "SK" + "c" * 32}, "TWILIO_AUTH_TOKEN: is not an Auth Token; the SIDs are"),
        ({"TWILIO_API_KEY": "AC" + "a" * 32}, "TWILIO_API_KEY: is not the SID of an API key"),
        ({"TWILIO_ACCOUNT_SID": "SK" + "c" * 32}, "TWILIO_ACCOUNT_SID: is not an Account SID"),
        ({"TWILIO_API_SECRET": ""}, "TWILIO_API_SECRET: is missing"),
    ],
    ids=["SID as token", "key as token", "SID as key", "key as SID", "three of four"],
)
def test_what_can_be_seen_without_twilio_stops_the_command_with_one_line(twilio, tmp_path, changed, said):
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": apps.SECRET_KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path}/some.sqlite",
        "FLASK_APP": str(ROOT / "wsgi.py"),
        **twilio.settings,
        **changed,
    }
    command = [sys.executable, "-m", "flask", "test-twilio"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert f"Telehealth cannot start. {said}" in done.stderr
    assert "Traceback" not in done.stderr
    value = next(iter(changed.values()))
    assert not value or value not in done.stdout + done.stderr


@pytest.fixture
def run(app):
    def run(code=0):
        found, output = flask(app, "reconcile")
        assert found == code, output
        return {
            name: int(number)
            for name, colon, number in (line.partition(": ") for line in output.splitlines())
            if colon and number.isdigit()
        }

    return run


def test_reconcile_in_a_clinic_at_rest(run, clinic):
    clinic.session(Status.SCHEDULED)
    assert run() == NOTHING
    assert run() == NOTHING


def test_each_line_of_reconcile_counts_what_it_says(app, run, clinic, rooms, twilio, moment, dr_grey, ana):
    visit = clinic.visit()
    alive, dead, ended = (clinic.session(Status.IN_PROGRESS, visit) for _ in range(3))
    rooms.come_in(alive, dr_grey.id)
    twilio._do(lambda: twilio._world.join(alive.room, "somebody", alive.room))
    twilio.kill_room(rooms.of(dead)[0].sid)
    with app.app_context():
        calls.enter(alive, page_id(), by=dr_grey.actor)
        twilio.faults.refuse("POST *")
        now = access.load_session(ended.id, by=dr_grey.actor)
        sessions.end(now, by=dr_grey.actor, video=video.provider())
        twilio.faults.clear()
    moment.shift(40)
    assert run() == {
        "rooms asked about": 3,
        "rooms found over": 1,
        "rooms closed": 1,
        "people put out of a room": 1,
        "lost connections closed": 1,
        "abandoned calls ended": 0,
    }
    assert run() == {**NOTHING, "rooms asked about": 1}


def test_reconcile_ends_a_call_nobody_is_in(run, clinic, rooms, moment):
    session = clinic.session(Status.IN_PROGRESS)
    moment.shift(chores.ABANDONED.total_seconds() + 1)
    assert run()["abandoned calls ended"] == 1
    assert rooms.open(session) == []
    assert clinic.now(session).status == Status.COMPLETED


@on_sqlite
@each({**PASSING, **WRONG_CREDENTIALS})
def test_reconcile_tells_of_a_provider_that_is_down(app, run, clinic, rooms, twilio, trouble):
    session = clinic.session(Status.IN_PROGRESS)
    trouble(twilio.faults)
    code, output = flask(app, "reconcile")
    assert code == 1
    assert "1 questions had no answer; run this again later" in output
    twilio.faults.clear()
    assert run()["rooms asked about"] == 1
    assert len(rooms.open(session)) == 1
