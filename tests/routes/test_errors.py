"""Refusals and faults as a page, as a fragment and as JSON; and what never reaches page or log."""

import logging

import pytest
from support.databases import on_sqlite
from support.doubles import RefusingVideo, SilentVideo, install
from support.statements import recorded

from telehealth.routes import api, patient, visits

SECRET = "Ana Lima has a cough"


class Broken(Exception):
    """A fault of ours whose text holds what somebody typed."""


@pytest.fixture
def broken(monkeypatch):
    """Breaks the lists of visits, the portal's fragment and the API."""

    def fail(*_args, **_more):
        raise Broken(SECRET)

    monkeypatch.setattr(visits.visits, "search", fail)
    monkeypatch.setattr(patient.agenda, "coming", fail)
    monkeypatch.setattr(api.visits, "listing", fail)


def test_a_fault_is_told_without_details(dr_grey, ana, broken, caplog):
    page = dr_grey.get("/visits", status=500)
    assert page.one("h1").get_text(strip=True) == "Something went wrong on our side"
    assert "Error 500" in page.text
    fragment = ana.get("/patient-portal/next", fragment=True, status=500)
    assert "Something went wrong on our side" in fragment.text
    assert fragment.all("h1") == []
    answer = dr_grey.api("GET", "/visits/")
    assert answer.status_code == 500
    assert answer.json["error"]["code"] == "fault"
    for text in (page.answer.text, fragment.answer.text, answer.text, caplog.text):
        assert SECRET not in text
        assert "Broken" not in text or text is caplog.text


def test_the_log_tells_the_class_and_the_place_of_a_fault(dr_grey, broken, caplog):
    with caplog.at_level(logging.INFO):
        dr_grey.get("/visits", status=500)
    (entry,) = [one for one in caplog.records if one.levelno >= logging.ERROR]
    assert entry.getMessage().startswith("fault in visits.index: Broken at fail:")
    assert "index:" in entry.getMessage()
    assert entry.exc_info is None
    assert dr_grey.id not in caplog.text


def test_a_fault_in_a_change_keeps_nothing_of_it(app, dr_grey, clinic, monkeypatch):
    session = clinic.session()
    monkeypatch.setattr(clinic_changes(), "announce", _fail)
    with recorded(app) as statements:
        dr_grey.post(f"/telemedicine/{session.id}/start", status=500)
    assert "sessions" in statements.written
    assert clinic.now(session).status == "SCHEDULED"
    assert clinic.history(session) == ["session.create"]


@on_sqlite
@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/nothing/here", 404, "We cannot find this page"),
        ("/visits/nothing", 404, "We cannot find this page"),
        ("/telemedicine/nothing", 404, "We cannot find this page"),
        ("/patient-portal/dashboard", 403, "You may not open this"),
        ("/admin/people", 403, "You may not open this"),
    ],
)
def test_a_refusal_as_a_page_and_as_a_fragment(dr_grey, path, status, title):
    page = dr_grey.get(path, status=status)
    assert page.one("h1").get_text(strip=True) == title
    assert f"Error {status}" in page.text
    fragment = dr_grey.get(path, fragment=True, status=status)
    assert title in fragment.one(".notice").get_text(" ")
    restored = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    page = dr_grey.get(path, status=status, headers=restored)
    assert len(page.all("h1")) == 1


@on_sqlite
def test_a_method_that_is_not_there_says_which_are(dr_grey, stranger):
    dr_grey.get("/visits")
    for path, allowed in (("/visits", "GET"), ("/sign-out", "POST"), ("/telemedicine/x/start", "POST")):
        answer = dr_grey.client.delete(path)
        assert answer.status_code == 405
        assert allowed in answer.headers["Allow"].split(", ")
    answer = dr_grey.client.put("/api/v1/visits/")
    assert (answer.status_code, answer.mimetype) == (405, "application/json")
    assert set(answer.json["error"]) == {"code", "message", "fields"}
    assert stranger.client.delete("/visits").status_code == 405


@on_sqlite
def test_more_than_is_ever_needed_is_refused(dr_grey, clinic):
    session = clinic.session()
    csrf = dr_grey.csrf_token()
    path = f"/visits/{session.visit_id}/telemedicine"
    data = {"csrf_token": csrf, "notes": "x" * 66_000}
    for headers, mark in (({}, "<h1>"), ({"HX-Request": "true"}, 'class="notice"')):
        answer = dr_grey.client.post(path, data=data, headers=headers)
        assert answer.status_code == 413
        assert mark in answer.text
        assert "too large" in answer.text
    answer = dr_grey.api("POST", "/telemedicine/", json={"notes": "x" * 66_000})
    assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")
    many = {f"field{number}": "x" for number in range(101)}
    answer = dr_grey.client.post(path, data=many, content_type="multipart/form-data")
    assert answer.status_code == 413


@on_sqlite
def test_a_json_path_answers_json_whatever_goes_wrong(stranger, dr_grey):
    dr_grey.get("/visits")
    for client, path, status, code in (
        (stranger.client, "/api/v1/visits/", 401, "unauthenticated"),
        (stranger.client, "/api/v1/nothing/", 404, "not_found"),
        (stranger.client, "/live", 401, "unauthenticated"),
        (stranger.client, "/telemedicine/x/call/inbox", 401, "unauthenticated"),
        (dr_grey.client, "/telemedicine/x/call/inbox", 404, "not_found"),
        (dr_grey.client, "/api/v1/telemedicine/x/", 404, "not_found"),
        (dr_grey.client, "/api/v1/telemedicine/?limit=x", 400, "invalid"),
    ):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.mimetype) == (status, "application/json"), path
        assert answer.json["error"]["code"] == code
        assert answer.json["error"]["message"]
    assert stranger.client.get("/api/v1/visits/").headers["WWW-Authenticate"] == "Bearer"


@on_sqlite
def test_the_wrong_host_is_not_served(stranger):
    for host in ("http://evil.example", "http://127.0.0.1.evil.example", "http://localhost.evil.example"):
        for path in ("/sign-in", "/api/v1/visits/", "/nothing"):
            answer = stranger.client.get(path, base_url=host)
            assert answer.status_code == 400
            assert "evil" not in answer.text


@on_sqlite
@pytest.mark.parametrize(
    "sent", ["\x00", "a\x00b", "%ed%a0%80", "x" * 2000, "%00", "é", "🩺", "../..", "'--"]
)
def test_odd_text_in_an_address_is_no_fault(app, dr_grey, sam, sent):
    for visitor, paths in (
        (dr_grey, ("/visits/{}", "/telemedicine/{}", "/api/v1/visits/{}/", "/telemedicine/{}/call")),
        (sam, ("/admin/people/{}", "/join/{}", "/invitation/{}")),
    ):
        visitor.ensure_signed_in()
        for path in paths:
            answer = visitor.client.get(path.format(sent))
            assert answer.status_code in (404, 410), path
    for visitor, path, name in (
        (dr_grey, "/visits", "q"),
        (dr_grey, "/visits", "page"),
        (dr_grey, "/visits", "status"),
        (sam, "/admin/people", "q"),
        (sam, "/admin/audit", "before"),
        (dr_grey, "/api/v1/telemedicine/", "visit_id"),
        (dr_grey, "/api/v1/telemedicine/", "cursor"),
        (dr_grey, "/sign-in", "next"),
    ):
        answer = visitor.client.get(path, query_string={name: sent.encode("utf-8", "surrogatepass")})
        assert answer.status_code in (200, 400), f"{path} {name}"


def test_nul_in_an_address_is_refused_before_the_database(dr_grey, sam):
    for visitor, path in (
        (dr_grey, "/visits/%00"),
        (dr_grey, "/telemedicine/a%00b/call"),
        (dr_grey, "/api/v1/telemedicine/%00/"),
        (sam, "/admin/people/%00"),
    ):
        visitor.ensure_signed_in()
        assert visitor.client.get(path).status_code == 404, path
    for visitor, path in ((dr_grey, "/visits?q=%00"), (sam, "/admin/people?q=a%00")):
        assert visitor.client.get(path).status_code == 400, path


def test_a_number_beyond_all_measure_is_no_fault(dr_grey, sam, clinic):
    huge = "9" * 40
    clinic.visit()
    for visitor, path in (
        (dr_grey, f"/visits?page={huge}"),
        (dr_grey, f"/visits?page=-{huge}"),
        (sam, f"/admin/audit?before={huge}"),
        (sam, f"/admin/audit?before=-{huge}"),
    ):
        visitor.get(path)


def test_trouble_with_the_video_is_told_with_the_present_card(app, dr_grey, clinic):
    session = clinic.session()
    install(app, SilentVideo(app))
    page = dr_grey.post(f"/telemedicine/{session.id}/start", status=503)
    assert page.one("h1").get_text(strip=True) == "The video service does not answer"
    assert page.session(session.id)["data-status"] == "SCHEDULED"
    fragment = dr_grey.post(f"/telemedicine/{session.id}/start", fragment=True, status=503)
    assert fragment.session(session.id)["data-status"] == "SCHEDULED"
    assert "Nothing is lost" in fragment.text
    install(app, RefusingVideo(app))
    fragment = dr_grey.post(f"/telemedicine/{session.id}/start", fragment=True, status=502)
    assert fragment.session(session.id)["data-status"] == "FAILED"
    assert "The session could not start" in fragment.text
    page = dr_grey.post(f"/telemedicine/{session.id}/start", status=409)
    assert page.session(session.id)["data-status"] == "FAILED"


def clinic_changes():
    from telehealth import changes

    return changes


def _fail(*_topics):
    raise Broken(SECRET)
