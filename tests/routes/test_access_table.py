"""Every route, method and kind of visitor against the one reviewed table, on both databases."""

import re
from itertools import cycle

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


RULES = list(dict.fromkeys(row.partition(" ")[2] for row in TABLE))


def _row_of(rule: str) -> str:
    return next(row for row in TABLE if row.endswith(f" {rule}"))


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
        for way in _ways(house, row, key):
            if row.startswith("POST") and (
                way == "page" or access_table.status(row, house.column(key)) < 400
            ):
                scene = house.scene(row)
            guest = house.by_link(scene) if key == "link" else house.guests[key]
            _ask(house, row, scene, guest, way)
            if row in ENDS_SIGN_INS and key in (*house.cast, "other"):
                house.sign_in(guest)


def test_the_token_of_a_program_opens_no_page(house):
    scene = house.scene("GET /call")
    for row in TABLE:
        if "/api/" not in row and not access_table.is_public(row):
            answer = house.ask(house.guests["dr_grey_token"], row, scene)
            assert answer.status_code == TABLE[row]["nobody"], row


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
@pytest.mark.parametrize("rule", RULES)
def test_every_other_method_is_answered_as_the_table_says(house, rule):
    scene = house.scene(_row_of(rule))
    for method in access_table.METHODS:
        row = f"{method} {rule}"
        if row in TABLE:
            continue
        visitors = (*VISITORS, *(PROGRAMS if "/api/" in rule else ()))
        # The views answer none of it by themselves: one way for each visitor, in turns.
        for key, way in zip(visitors, cycle(access_table.WAYS), strict=False):
            guest = house.by_link(scene) if key == "link" else house.guests[key]
            where = f"{row} as {key}, {way}"
            with recorded(house.app) as statements:
                answer = house.ask(guest, row, scene, way=way)
            expected = access_table.status(row, guest.column, way)
            assert answer.status_code == expected, f"{where}: {answer.status_code} {answer.text[:300]}"
            assert statements.written <= {*FREE_TO_READ}, f"{where} wrote {statements.written}"
            if method == "HEAD" or (method == "OPTIONS" and expected == 200):
                assert answer.data == b"", where
            _check_words(answer, row, guest.column, scene, where)


@pytest.mark.parametrize("house", ["sqlite"], indirect=True)
def test_the_token_of_somebody_deactivated_opens_nothing(house):
    scene = house.scene("GET /call")
    for row in TABLE:
        if "/api/" in row:
            answer = house.ask(house.guests["deactivated_token"], row, scene)
            assert answer.status_code == 401, row
            assert answer.json["error"]["code"] == "unauthenticated", row


def _ways(house: House, row: str, key: str) -> tuple[str, ...]:
    """The ways differ in templates alone, which no database sees; a press that is answered makes a scene."""
    if not house.is_sqlite:
        return ("page",)
    pressed = row.startswith("POST") and access_table.status(row, house.column(key)) < 400
    return ("page", "fragment") if pressed else tuple(access_table.WAYS)


def _ask(house: House, row: str, scene: Scene, guest: Guest, way: str) -> None:
    where = f"{row} as {guest.key}, {way}"
    expected = access_table.status(row, guest.column, way)
    video = install(house.app, WatchedVideo(house.app))
    before = _denials(house)
    with recorded(house.app) as statements:
        answer = house.ask(guest, row, scene, way=way)
    assert answer.status_code == expected, f"{where}: {answer.status_code} {answer.text[:300]}"
    _check_words(answer, row, guest.column, scene, where)
    nobodys = guest.column == "nobody" and not access_table.is_public(row)
    if row.startswith("GET"):
        assert statements.written <= {*FREE_TO_READ}, f"{where} wrote {statements.written}"
    if way == "fragment":
        _check_fragment(answer, row, where)
    if expected < 400 and not nobodys:
        return
    if expected != 422:
        allowed = {"audit_entries", "sign_ins"}
        assert statements.written <= allowed, f"{where} wrote {statements.written}"
    assert video.asked == [], f"{where} asked the video service"
    # A carrier that is not set up is nobody's.
    if expected in (403, 404) and "/webhooks/" not in row:
        assert _denials(house) == before + 1, f"{where} is not in the audit"
        assert _last_denial(house) == (guest.user and guest.user.user_id), where
    if nobodys and expected == 303:
        assert answer.headers["Location"].startswith("/sign-in"), where


def _check_fragment(answer: TestResponse, row: str, where: str) -> None:
    if answer.status_code == 401 and answer.mimetype != "application/json":
        assert answer.headers["HX-Redirect"].startswith("/sign-in"), where
        assert answer.data == b"", where
    elif answer.status_code >= 400 and answer.mimetype == "text/html" and row != "POST /sign-in":
        assert "<html" not in answer.text, where


def _check_words(answer: TestResponse, row: str, column: str, scene: Scene, where: str) -> None:
    text = f"{answer.text}\n{answer.headers}"
    forbidden = list(FORBIDDEN[column])
    if answer.status_code in (200, 201) and column in ("house", "ana"):
        # Whom a doctor may open a visit for, and what a patient may read of their own visit.
        own = REASON if column == "ana" and "/api/v1/visits/" in row else None
        choice = "Ana Lima" if column == "house" and row.endswith(LISTS_PATIENTS) else None
        forbidden = [word for word in forbidden if word not in (own, choice)]
    if answer.status_code in (401, 404) and "<html" not in text:
        forbidden += [scene.visit_id, scene.session_id, scene.link]
        assert len(answer.text) < 1000, f"{where} says a lot"
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
