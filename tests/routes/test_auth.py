"""Signing in and out over HTTP, and what a sign-in is protected by."""

from urllib.parse import urljoin, urlsplit

import pytest
from support import apps
from support.cast import CAST, PASSWORD, Person
from support.databases import on_sqlite
from support.pages import Visitor
from support.statements import recorded
from werkzeug.test import Client

from telehealth import limits
from telehealth.extensions import db
from telehealth.models import AuditEntry, SignIn, User

GREY = CAST["dr_grey"].email

OUTSIDE = (
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "/\t/evil.example/",
    "/\n/evil.example",
    " //evil.example",
    "\x01//evil.example",
    "/%09/evil.example",
    "/%2f/evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "/.//evil.example",
    "/@evil.example",
    "/visits\r\nSet-Cookie: a=b",
    "/visits?next=//evil.example",
    "evil.example",
    "/é",
    "",
)


def test_each_role_begins_on_its_own_page(dr_grey, ana, sam, stranger):
    for visitor, home in ((dr_grey, "/visits"), (ana, "/patient-portal/dashboard"), (sam, "/visits")):
        assert visitor.get("/", status=303).location == home
    assert stranger.get("/", status=303).location == "/sign-in"


def test_somebody_who_must_sign_in_first_comes_back_to_the_page(stranger, clinic):
    path = f"/visits/{clinic.visit().id}/telemedicine?from=mail"
    asked = stranger.get(path, status=303)
    assert urlsplit(asked.location).path == "/sign-in"
    page = stranger.get(asked.location).press("Sign in", email=GREY, password=PASSWORD)
    assert page.location == path


@on_sqlite
@pytest.mark.parametrize("wanted", OUTSIDE)
def test_next_cannot_leave_the_site(stranger, wanted):
    page = stranger.post("/sign-in", {"email": GREY, "password": PASSWORD, "next": wanted})
    target = urlsplit(urljoin("http://localhost/sign-in", page.location))
    assert (target.scheme, target.netloc) == ("http", "localhost")
    assert page.location == "/"
    assert "evil" not in str(page.answer.headers)


@on_sqlite
def test_next_is_not_repeated_on_the_page_when_it_leads_away(stranger):
    page = stranger.get("/sign-in?next=https://evil.example/")
    assert "evil" not in page.answer.text
    assert page.all("input[name=next]") == []
    fragment = stranger.client.get(
        "/visits", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost//evil.example/a"}
    )
    page = stranger.get(fragment.headers["HX-Redirect"])
    assert page.all("input[name=next]") == []


def test_unknown_wrong_and_locked_get_the_same_answer(app, stranger, monkeypatch):
    monkeypatch.setattr(limits, "PER_ACCOUNT", 3)
    with app.app_context():
        db.session.query(User).filter_by(email=CAST["ben"].email).update({"active": False})
        db.session.commit()
    answers = {
        "unknown": _try(stranger, "nobody@clinic.example", PASSWORD),
        "empty": _try(stranger, "", ""),
        "no password": _try(stranger, GREY, ""),
        "deactivated": _try(stranger, CAST["ben"].email, PASSWORD),
        "long": _try(stranger, GREY, "x" * 5000),
        "wrong": _try(stranger, GREY, "something else entirely"),
        "locked": _try(stranger, GREY, PASSWORD),
    }
    assert len(set(answers.values())) == 1, {key: text[:2000] for key, text in answers.items()}
    assert "Check your email and password" in answers["wrong"]
    _try(stranger, f"{GREY}\x00", PASSWORD)


def test_a_locked_account_opens_again_and_others_were_never_locked(app, stranger, ana, monkeypatch):
    monkeypatch.setattr(limits, "PER_ACCOUNT", 2)
    for _ in range(3):
        _try(stranger, GREY, "something else entirely")
    _try(stranger, GREY.upper() + " ", PASSWORD)
    ana.get("/patient-portal/dashboard")
    with app.app_context():
        limits.forget("account", GREY)
    assert stranger.sign_in(GREY, PASSWORD).location == "/"


def test_an_address_that_tries_too_often_is_told_to_wait(stranger, monkeypatch):
    monkeypatch.setattr(limits, "PER_ADDRESS", 2)
    for number in range(2):
        _try(stranger, f"{number}@clinic.example", PASSWORD)
    page = stranger.post("/sign-in", {"email": GREY, "password": PASSWORD}, status=429)
    assert int(page.answer.headers["Retry-After"]) > 0
    assert "Too many tries" in page.text


def test_sign_ins_and_refused_ones_are_in_the_audit(app, stranger, dr_grey):
    _try(stranger, "somebody@else.example", "typed by mistake")
    _try(stranger, GREY, "wrong")
    dr_grey.get("/visits")
    with app.app_context():
        entries = db.session.query(AuditEntry).filter_by(action="user.sign_in").order_by(AuditEntry.id)
        found = [(entry.actor_id, entry.outcome, entry.reason) for entry in entries]
        text = " ".join(str(vars(entry)) for entry in entries)
    assert found == [(None, "denied", "password"), (dr_grey.id, "denied", "password"), (dr_grey.id, "ok", "")]
    assert "somebody@else.example" not in text
    assert "typed by mistake" not in text


def test_the_form_keeps_the_address_and_never_the_password(stranger):
    page = stranger.post("/sign-in", {"email": "Me@Clinic.example", "password": "sEcret1"}, status=422)
    assert page.one("input[name=email]")["value"] == "Me@Clinic.example"
    assert "sEcret1" not in page.answer.text


def test_the_cookie_on_http_is_plain_and_ends_with_the_browser(dr_grey):
    dr_grey.ensure_signed_in()
    cookie = dr_grey.client.get_cookie("sign_in")
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert cookie.path == "/"
    assert not cookie.secure
    assert cookie.expires is None
    assert cookie.max_age is None
    assert len(cookie.value) >= 43


@on_sqlite
def test_the_cookies_on_https_are_host_only_and_secure(database_url):
    app = apps.make_app(database_url, PUBLIC_URL="https://visit.clinic.example")
    client: Client = app.test_client()
    base = "https://visit.clinic.example"
    page = client.get("/sign-in", base_url=base)
    token = page.text.partition('name="csrf-token" content="')[2].partition('"')[0]
    form = {"email": GREY, "password": PASSWORD, "csrf_token": token}
    answer = client.post("/sign-in", data=form, base_url=base)
    assert answer.status_code == 303
    cookies = page.headers.getlist("Set-Cookie") + answer.headers.getlist("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {"__Host-page", "__Host-sign_in"}
    for cookie in cookies:
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Path=/" in cookie
        assert "Domain" not in cookie
    assert client.get("/visits", base_url=base).status_code == 200
    assert client.get("/visits", base_url="https://evil.example").status_code == 400
    apps.close(app)


def test_signing_in_gives_a_new_id_and_takes_none_that_was_planted(app, stranger):
    stranger.client.set_cookie("sign_in", "planted" * 8)
    stranger.sign_in(GREY, PASSWORD)
    first = stranger.client.get_cookie("sign_in").value
    assert "planted" not in first
    stranger.get("/sign-in").press("Sign in", email=GREY, password=PASSWORD)
    assert stranger.client.get_cookie("sign_in").value != first
    with app.app_context():
        assert first not in str(db.session.query(SignIn.token_hash).all())


def test_a_page_cookie_that_was_planted_gives_no_power_after_signing_in(app, stranger):
    planted = Visitor(app.test_client())
    token = planted.csrf_token()
    stranger.client.set_cookie("page", planted.client.get_cookie("page").value)
    stranger.sign_in(GREY, PASSWORD)
    stranger.get("/visits")
    stranger.post("/sign-out", {"csrf_token": token}, status=400)


def test_a_new_sign_in_ends_the_one_before_it_in_this_browser(app, dr_grey):
    dr_grey.get("/visits")
    first = dr_grey.client.get_cookie("sign_in").value
    dr_grey.get("/sign-in").press("Sign in", email=GREY, password=PASSWORD)
    dr_grey.get("/visits")
    assert _with_cookie(app, first).get("/visits").status_code == 303


def test_after_signing_out_the_old_cookie_is_worth_nothing(app, dr_grey):
    dr_grey.get("/visits")
    old = dr_grey.client.get_cookie("sign_in").value
    assert _with_cookie(app, old).get("/visits").status_code == 200
    page = dr_grey.get("/sign-out").press("Sign out", within="main")
    assert page.location == "/sign-in"
    assert page.answer.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert dr_grey.client.get_cookie("sign_in") is None
    assert _with_cookie(app, old).get("/visits").status_code == 303
    assert _with_cookie(app, old).get("/api/v1/visits/").status_code == 401


def test_asking_for_the_sign_out_page_signs_nobody_out(dr_grey):
    dr_grey.get("/sign-out")
    dr_grey.get("/visits")


def test_other_browsers_of_the_same_person_stay_signed_in(app, dr_grey):
    other = Person(app, "dr_grey")
    other.get("/visits")
    dr_grey.get("/sign-out").press("Sign out", within="main")
    other.get("/visits")


@pytest.mark.parametrize("who", ["dr_grey", "sam", "ana", "stranger"])
def test_nothing_changes_without_the_token_of_the_form(app, person, stranger, clinic, who):
    visitor = stranger if who == "stranger" else person(who).ensure_signed_in()
    session = clinic.session()
    values = {
        **dict.fromkeys(("session_id", "visit_id", "user_id", "token", "recording_id", "number"), "x"),
        "session_id": session.id,
        "visit_id": session.visit_id,
    }
    # What is signed has no form, and a cookie gives no power there.
    rules = [
        rule
        for rule in app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and not getattr(app.view_functions[rule.endpoint], "signed", False)
    ]
    assert len(rules) > 30
    for rule in rules:
        path = rule.rule
        for name in rule.arguments:
            path = path.replace(f"<{name}>", values[name])
        for token in ("", "made-up", _foreign_token(app)):
            with recorded(app) as statements:
                answer = visitor.client.post(path, data={"csrf_token": token})
            public = getattr(app.view_functions[rule.endpoint], "public", False)
            expected = (400,) if public or who != "stranger" else (303, 401)
            assert answer.status_code in expected, f"{path}: {answer.status_code}"
            assert statements.written == set(), path


def test_the_api_asks_a_browser_for_its_token_too(dr_grey, clinic):
    session = clinic.session()
    answer = dr_grey.api("POST", f"/telemedicine/{session.id}/start/", csrf=False)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")
    assert clinic.now(session).status == "SCHEDULED"


@on_sqlite
def test_a_form_takes_nothing_but_a_form(stranger):
    headers = {"X-CSRFToken": stranger.csrf_token()}
    for sent in ({"email": [1], "password": {"a": 1}}, [1, 2], "text", None, 5):
        answer = stranger.client.post("/sign-in", json=sent, headers=headers)
        assert answer.status_code == 422
    answer = stranger.client.post("/sign-in", json={"email": GREY, "password": PASSWORD}, headers=headers)
    assert answer.status_code == 422


def test_a_token_of_a_deactivated_person_or_a_wrong_one_is_refused(app, sam, api, monkeypatch):
    program = api("dr_grey")
    program.get("/visits/", 200)
    sam.post(f"/admin/people/{program.person.id}/deactivate")
    answer = program.get("/visits/", 401)
    assert answer == {"error": {"code": "unauthenticated", "message": "Please sign in."}}
    monkeypatch.setattr(limits, "PER_ADDRESS", 3)
    client = app.test_client()
    statuses = [
        client.get("/api/v1/visits/", headers={"Authorization": header}).status_code
        for header in ("Bearer", "Bearer ", "Basic YTpi", "Bearer wrong", "Bearer th_é", "Bearer wrong")
    ]
    assert statuses == [401, 401, 401, 401, 401, 429]


@on_sqlite
def test_the_address_is_the_sockets_unless_proxies_are_trusted(database_url):
    for proxies, expected in (("0", "127.0.0.1"), ("1", "203.0.113.7")):
        app = apps.make_app(database_url, TRUSTED_PROXIES=proxies)
        Visitor(app.test_client()).get(
            "/join/none", status=404, headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}
        )
        person = Person(app, "dr_grey")
        person.client.environ_base["HTTP_X_FORWARDED_FOR"] = "198.51.100.1, 203.0.113.7"
        person.get("/visits")
        with app.app_context():
            entry = db.session.query(SignIn).order_by(SignIn.created_at.desc()).first()
            assert entry is not None
            assert entry.address == expected
        apps.close(app)


def _try(visitor: Visitor, email: str, password: str) -> str:
    """The words that a refused try is answered with, without what was typed."""
    page = visitor.post("/sign-in", {"email": email, "password": password}, status=422)
    assert visitor.client.get_cookie("sign_in") is None
    main = page.one("main")
    main.select_one("input[name=email]")["value"] = ""
    for token in main.select("input[name=csrf_token]"):
        token.decompose()
    return str(main)


def _with_cookie(app, value: str) -> Client:
    client = app.test_client()
    client.set_cookie("sign_in", value)
    return client


def _foreign_token(app) -> str:
    return Visitor(app.test_client()).csrf_token()
