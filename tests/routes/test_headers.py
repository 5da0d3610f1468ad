"""The headers of every kind of answer: what the browser may load, keep, and tell others."""

import re

import pytest
from support import apps, inspect_html
from support.databases import on_sqlite
from werkzeug.test import TestResponse

from telehealth.routes import telemedicine

pytestmark = [on_sqlite, pytest.mark.usefixtures("streams_end_at_once")]

TWILIO = "wss://global.vss.twilio.com"
PERMISSIONS = ("camera", "microphone", "display-capture", "geolocation", "payment", "usb")


@pytest.fixture
def answers(app, dr_grey, ana, stranger, clinic, monkeypatch) -> dict[str, TestResponse]:
    """One answer of each kind, by what it is."""
    session = clinic.session("IN_PROGRESS")
    done = clinic.session("COMPLETED", visit=None)
    link = clinic.link(session)
    csrf = dr_grey.csrf_token()
    doctor, nobody = dr_grey.client, stranger.client
    visit = f"/visits/{session.visit_id}/telemedicine"
    fragment = {"HX-Request": "true"}
    found = {
        "page": doctor.get(visit),
        "page of a patient": _of(ana, "/patient-portal/dashboard"),
        "sign-in page": nobody.get("/sign-in"),
        "page of a link": nobody.get(link),
        "redirect": nobody.get(visit),
        "after a form": doctor.post(f"/telemedicine/{session.id}/leave", data={"csrf_token": csrf}),
        "fragment": doctor.get(f"{visit}/sessions", headers=fragment),
        "refused fragment": nobody.get(visit, headers=fragment),
        "not modified": None,
        "call page": doctor.get(f"/telemedicine/{session.id}/call"),
        "call that is over": doctor.get(f"/telemedicine/{done.id}/call"),
        "json": doctor.get("/api/v1/telemedicine/"),
        "json of a program": nobody.get("/api/v1/telemedicine/", headers={"Authorization": "Bearer x"}),
        "ticket": dr_grey.api("POST", "/telemedicine/token/", json={"session_id": session.id}),
        "openapi": nobody.get("/api/v1/openapi.json"),
        "docs": nobody.get("/api/v1/docs"),
        "stream": doctor.get("/live"),
        "probe": nobody.get("/healthz"),
        "metrics": nobody.get("/metrics"),
        "no such page": doctor.get("/no/such/page"),
        "not theirs": ana.client.get("/admin/people"),
        "wrong method": doctor.delete("/visits"),
        "wrong host": nobody.get("/sign-in", base_url="http://evil.example"),
        "too large": doctor.post("/sign-in", data={"email": "x" * 70_000}),
        "wrong moment": doctor.post(f"/telemedicine/{session.id}/start", data={"csrf_token": csrf}),
        "over": nobody.get("/invitation/unknown"),
        "options": doctor.options("/visits"),
        "head": doctor.head("/visits"),
        "static": nobody.get("/static/any/app.css"),
        "no such file": nobody.get("/static/any/nothing.css"),
    }
    tag = found["fragment"].headers["HX-PTag"]
    found["not modified"] = doctor.get(f"{visit}/sessions", headers={**fragment, "HX-PTag": tag})
    monkeypatch.setattr(telemedicine, "fresh", lambda *_args, **_more: 1 / 0)
    found["fault"] = doctor.get(f"{visit}/sessions")
    found["fault as a fragment"] = doctor.get(f"{visit}/sessions", headers=fragment)
    expected = {
        "redirect": 303,
        "not modified": 304,
        "refused fragment": 401,
        "call that is over": 409,
        "json of a program": 401,
        "no such page": 404,
        "not theirs": 403,
        "wrong method": 405,
        "wrong host": 400,
        "too large": 413,
        "wrong moment": 409,
        "over": 410,
        "fault": 500,
    }
    assert {key: found[key].status_code for key in expected} == expected
    return found


def test_every_answer_has_a_strict_policy(answers):
    for what, answer in answers.items():
        assert inspect_html.faults_of_headers(answer.headers, signed_in=False) == [], what
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'self'", "script-src 'self'", "style-src 'self'", "object-src 'none'"):
            assert part in policy.split("; "), what
        assert "unsafe" not in policy, what
        assert "http" not in policy, what


def test_every_answer_keeps_others_out(answers):
    for what, answer in answers.items():
        assert answer.headers["X-Frame-Options"] == "DENY", what
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", what
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin", what
        assert "Server" not in answer.headers, what
        assert not any(name.startswith("Access-Control-") for name, _ in answer.headers), what


def test_nothing_but_static_files_is_kept_anywhere(answers):
    for what, answer in answers.items():
        if what == "static":
            assert "no-store" not in answer.headers["Cache-Control"]
            assert "Set-Cookie" not in answer.headers
        elif what != "no such file":
            assert answer.headers["Cache-Control"] == "no-store", what
            assert {"Cookie", "HX-Request"} <= {one.strip() for one in answer.headers["Vary"].split(",")}, (
                what
            )
        assert "ETag" not in answer.headers or what == "static", what


def test_camera_and_microphone_are_open_on_the_call_page_alone(answers):
    for what, answer in answers.items():
        allowed = dict(one.split("=") for one in answer.headers["Permissions-Policy"].split(", "))
        open_now = {name for name in PERMISSIONS if allowed[name] != "()"}
        expected = {"camera", "microphone", "display-capture"} if what.startswith("call") else set()
        assert open_now == expected, what
        assert set(allowed.values()) <= {"()", "(self)"}, what


@pytest.mark.twilio
def test_where_twilio_carries_calls_the_call_page_alone_may_speak_to_it(answers):
    for what, answer in answers.items():
        named = {
            word for word in re.split("[; ]+", answer.headers["Content-Security-Policy"]) if "twilio" in word
        }
        assert named == ({TWILIO} if what.startswith("call") else set()), what
        assert ("twilio" in str(answer.headers).lower()) == what.startswith("call"), what
    policies = {answer.headers["Content-Security-Policy"] for answer in answers.values()}
    assert len(policies) == 2, "the call page's, and one for all others"


def test_where_calls_are_embedded_no_page_may_speak_to_others(answers):
    policies = {answer.headers["Content-Security-Policy"] for answer in answers.values()}
    assert ["connect-src 'self'" in policy.split("; ") for policy in policies] == [True]


def test_every_answer_of_a_route_has_an_id_of_its_own(answers):
    ids = [answer.headers["X-Request-Id"] for answer in answers.values()]
    assert len(set(ids)) == len(ids)


def test_transport_security_is_asked_for_on_https_alone(database_url):
    for public_url, expected in (
        ("http://localhost", None),
        ("https://visit.clinic.example", "max-age=31536000; includeSubDomains"),
    ):
        app = apps.make_app(database_url, PUBLIC_URL=public_url)
        for path in ("/sign-in", "/healthz", "/nothing", "/static/any/app.css"):
            answer = app.test_client().get(path, base_url=public_url)
            assert answer.headers.get("Strict-Transport-Security") == expected, path
        apps.close(app)


def test_a_page_cookie_is_not_set_on_what_has_no_form(stranger):
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/openapi.json", "/static/any/app.css"):
        assert "Set-Cookie" not in stranger.client.get(path).headers, path


def _of(person, path: str) -> TestResponse:
    person.ensure_signed_in()
    return person.client.get(path)
