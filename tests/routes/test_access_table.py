"""Every route, method and kind of visitor against the one reviewed table, on both databases."""

import re

import pytest
from support.doubles import WatchedVideo, install
from support.statements import recorded
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from routes import access_table
from routes.access_scene import FORBIDDEN, REASON, Guest, House, Scene
from telehealth.extensions import db
from telehealth.models import AuditEntry

TABLE = access_table.read()
pytestmark = pytest.mark.usefixtures("streams_end_at_once")

VISITORS = (
    *("stranger", "expired", "deactivated"),
    *("dr_grey", "dr_house", "ana", "ben", "sam", "link", "other"),
)
PROGRAMS = ("dr_grey_token", "dr_house_token", "ana_token", "ben_token", "sam_token")

FREE_TO_READ = ("audit_entries", "sign_ins")
"""A GET may write down that a record was read and that somebody is still there, nothing else."""

ENDS_SIGN_INS = ("POST /sign-out", "POST /join/<token>")

LISTS_PATIENTS = ("/visits/new", "/visits", "/admin/people")


def _path(rule: Rule) -> str:
    """Without what the parts have to look like."""
    return re.sub(r"<\w+\([^)]*\):", "<", rule.rule)


def test_every_route_is_in_the_table(house):
    rules = [
        f"{method} {_path(rule)}"
        for rule in house.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    assert sorted(rules) == sorted(TABLE)


def test_what_is_public_is_marked_and_nothing_else(house):
    for rule in house.app.url_map.iter_rules():
        view = house.app.view_functions[rule.endpoint]
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            row = f"{method} {_path(rule)}"
            assert getattr(view, "public", False) == access_table.is_public(row), row


@pytest.mark.parametrize("row", TABLE)
def test_everybody_gets_what_the_table_says(house, row):
    scene = house.scene(row)
    for key in (*VISITORS, *(PROGRAMS if "/api/" in row else ())):
        if row.startswith("POST"):
            scene = house.scene(row)
        guest = house.by_link(scene) if key == "link" else house.guests[key]
        _ask(house, row, scene, guest, guest.column)
        if row in ENDS_SIGN_INS and key in (*house.cast, "other"):
            house.sign_in(guest)


def test_the_token_of_a_program_opens_no_page(house):
    scene = house.scene("GET /call")
    for row in TABLE:
        if "/api/" not in row and not access_table.is_public(row):
            answer = house.ask(house.guests["dr_grey_token"], row, scene)
            assert answer.status_code == TABLE[row]["nobody"], row


@pytest.mark.parametrize("row", [row for row in TABLE if row.startswith("GET")])
def test_asking_for_the_head_or_the_options_tells_no_more(house, row):
    scene = house.scene(row)
    for key in ("stranger", "dr_grey", "dr_house", "ben"):
        guest = house.guests[key]
        expected = TABLE[row][guest.column]
        head = house.ask(guest, row.replace("GET", "HEAD", 1), scene)
        assert (head.status_code, head.data) == (expected, b""), f"HEAD {row} {key}"
        options = house.ask(guest, row.replace("GET", "OPTIONS", 1), scene)
        refused = key == "stranger" and not access_table.is_public(row)
        assert options.status_code == (TABLE[row]["nobody"] if refused else 200)
        assert options.data == b"" or refused


def _ask(house: House, row: str, scene: Scene, guest: Guest, column: str) -> None:
    where = f"{row} as {guest.key}"
    expected = TABLE[row][column]
    video = install(house.app, WatchedVideo(house.app))
    before = _denials(house)
    with recorded(house.app) as statements:
        answer = house.ask(guest, row, scene)
    assert answer.status_code == expected, f"{where}: {answer.status_code} {answer.text[:300]}"
    _check_words(answer, row, column, scene, where)
    refused = expected >= 400 or (column == "nobody" and not access_table.is_public(row))
    if row.startswith("GET"):
        assert statements.written <= {*FREE_TO_READ}, f"{where} wrote {statements.written}"
    if not refused:
        return
    if expected != 422:
        allowed = {"audit_entries", "sign_ins"}
        assert statements.written <= allowed, f"{where} wrote {statements.written}"
    assert video.asked == [], f"{where} asked the video service"
    # A carrier that is not set up is nobody's.
    if expected in (403, 404) and "/webhooks/" not in row:
        assert _denials(house) == before + 1, f"{where} is not in the audit"
        assert _last_denial(house) == (guest.user and guest.user.user_id), where
    if column == "nobody" and expected == 303:
        assert answer.headers["Location"].startswith("/sign-in"), where
    _ask_for_fragment(house, row, scene, guest, column)


def _ask_for_fragment(house: House, row: str, scene: Scene, guest: Guest, column: str) -> None:
    where = f"the fragment {row} as {guest.key}"
    answer = house.ask(guest, row, scene, fragment=True)
    open_to_all = row == "POST /sign-in" or "/webhooks/" in row
    expected = 401 if column == "nobody" and not open_to_all else TABLE[row][column]
    assert answer.status_code == expected, f"{where}: {answer.status_code} {answer.text[:300]}"
    if expected == 401 and answer.mimetype != "application/json":
        assert answer.headers["HX-Redirect"].startswith("/sign-in"), where
        assert answer.data == b"", where
    elif answer.mimetype == "text/html" and row != "POST /sign-in":
        assert "<html" not in answer.text, where
    _check_words(answer, row, column, scene, where)


def _check_words(answer: TestResponse, row: str, column: str, scene: Scene, where: str) -> None:
    text = answer.text
    forbidden = list(FORBIDDEN[column])
    if answer.status_code in (200, 201) and column in ("house", "ana"):
        # Whom a doctor may open a visit for, and what a patient may read of their own visit.
        own = REASON if column == "ana" and "/api/v1/visits/" in row else None
        choice = "Ana Lima" if column == "house" and row.endswith(LISTS_PATIENTS) else None
        forbidden = [word for word in forbidden if word not in (own, choice)]
    if answer.status_code in (401, 404) and "<html" not in text:
        forbidden += [scene.visit_id, scene.session_id, scene.link]
        assert len(text) < 1000, f"{where} says a lot"
    for word in forbidden:
        assert word not in text, f"{where} tells {word!r}"


def _denials(house: House) -> int:
    with house.app.app_context():
        return db.session.query(AuditEntry).filter_by(outcome="denied").count()


def _last_denial(house: House) -> str | None:
    with house.app.app_context():
        entry = (
            db.session.query(AuditEntry).filter_by(outcome="denied").order_by(AuditEntry.id.desc()).first()
        )
        return entry.actor_id if entry else None
