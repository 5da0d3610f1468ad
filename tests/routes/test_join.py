"""A patient's link: looked at without a trace, opened by a press, and good for one session alone."""

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from support.cast import Clinic
from support.databases import on_sqlite
from support.pages import Page, Visitor

from routes import access_table
from telehealth import limits
from telehealth.extensions import db

NEVER = ("Ana", "Lima", "Grey", "ana@people.example", "cough", "zqNotes")


def contents(app: Flask) -> dict[str, list[Any]]:
    """All rows of all tables."""
    with app.app_context():
        return {
            table.name: [tuple(row) for row in db.session.execute(select(table).order_by(*table.primary_key))]
            for table in db.metadata.sorted_tables
        }


def enter(visitor: Visitor, path: str) -> Page:
    """Open the link and press its button; returns the redirect."""
    page = visitor.get(path).press("Join Session")
    visitor.signed_in = True
    return page


def another(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def session(clinic: Clinic):
    return clinic.session(notes="zqNotes")


def test_looking_at_a_link_changes_nothing(app, stranger, clinic, session):
    path = clinic.link(session)
    before = contents(app)
    for _ in range(3):
        page = stranger.get(path)
        stranger.client.head(path)
        stranger.client.options(path)
    assert contents(app) == before
    assert stranger.client.get_cookie("sign_in") is None
    assert "with Lindenhof Clinic" in page.text
    assert page.one("main time")["datetime"] == session.scheduled_start.strftime("%Y-%m-%dT%H:%M:%SZ")
    for word in NEVER:
        assert word not in page.answer.text
    assert page.buttons("main") == ["Join Session"]


def test_a_press_enters_and_the_address_holds_no_token_from_then_on(app, stranger, clinic, session):
    path = clinic.link(session)
    token = path.rpartition("/")[2]
    page = enter(stranger, path)
    assert page.location == f"/telemedicine/{session.id}/call"
    assert token not in str(page.answer.headers)
    call = page.follow()
    assert call.one("[data-call-state]")["data-call-state"] == "waiting"
    assert token not in call.answer.text
    cookie = stranger.client.get_cookie("sign_in")
    assert cookie.value != token
    assert cookie.http_only
    assert clinic.history(session)[-2:] == ["session.link_used", "session.read"]
    with app.app_context():
        assert token not in str(contents(app))


def test_a_visitor_of_a_link_has_the_rights_of_the_table(app, stranger, clinic, session):
    """Every page of the app once more, this time after a press of the real button."""
    enter(stranger, clinic.link(session))
    other = clinic.session(visit=clinic.visit())
    table = access_table.read()
    values = {"visit_id": session.visit_id, "user_id": "x", "token": "x", "version": "x", "path:path": "x"}
    for row, statuses in table.items():
        method, _space, rule = row.partition(" ")
        if method != "GET" or access_table.is_public(row) or rule in ("/live",) or "inbox" in rule:
            continue
        for found, column in ((session, "link"), (other, "other")):
            path = rule
            for name, value in {**values, "session_id": found.id}.items():
                path = path.replace(f"<{name}>", value)
            answer = stranger.client.get(path)
            assert answer.status_code == statuses[column], f"{path} as {column}"
            if found is other:
                assert other.id not in answer.text or answer.status_code == 404


def test_it_opens_no_other_session_of_the_same_patient(stranger, clinic, session):
    other = clinic.session("IN_PROGRESS", visit=clinic.visit())
    enter(stranger, clinic.link(session))
    csrf = {"X-CSRFToken": stranger.csrf_token()}
    for path in (f"/telemedicine/{other.id}", f"/telemedicine/{other.id}/call"):
        stranger.get(path, status=404)
    answer = stranger.client.post("/api/v1/telemedicine/token/", json={"session_id": other.id}, headers=csrf)
    assert answer.status_code == 404
    listed = stranger.client.get("/api/v1/telemedicine/").json["results"]
    assert [one["id"] for one in listed] == [session.id]
    for portal in ("/patient-portal/dashboard", "/patient-portal/telemedicine", "/visits", "/admin/people"):
        stranger.get(portal, status=403)


def test_a_reload_and_another_device_come_in_again(app, stranger, clinic, session):
    path = clinic.link(session)
    phone = another(app)
    for visitor in (stranger, stranger, phone):
        enter(visitor, path).follow()
        visitor.get(f"/telemedicine/{session.id}/call")
    stranger.get("/", status=303)
    assert clinic.history(session).count("session.link_used") == 3


def test_it_can_be_opened_as_soon_as_it_is_made_and_while_the_call_runs(app, stranger, clinic):
    far = clinic.session(start=_in(days=30))
    enter(stranger, clinic.link(far)).follow()
    running = clinic.session("IN_PROGRESS")
    enter(another(app), clinic.link(running)).follow()


@pytest.mark.parametrize("step", ["cancel", "end", "link/revoke", "link"])
def test_it_is_dead_after_cancel_end_revoke_and_a_new_link(app, dr_grey, stranger, clinic, step):
    session = clinic.session("IN_PROGRESS" if step == "end" else "SCHEDULED")
    path = clinic.link(session)
    inside = another(app)
    enter(inside, path).follow()
    dr_grey.post(f"/telemedicine/{session.id}/{step}", fragment=True)
    before = contents(app)
    for page in (stranger.get(path, status=410), stranger.post(path, status=410)):
        assert "This link no longer works" in page.one("h1").get_text()
        assert "ask the clinic to send you a new link" in page.text
        for word in NEVER:
            assert word not in page.answer.text
    assert stranger.client.get_cookie("sign_in") is None
    after = contents(app)
    tried = after.pop("audit_entries")[len(before.pop("audit_entries")) :]
    assert [(row[2], row[4], row[6], row[7]) for row in tried] == 2 * [
        (None, "session.link_used", session.id, "denied")
    ]
    for tables in (before, after):
        del tables["limits"]
    assert after == before
    assert "a patient link that no longer works was tried" in dr_grey.get(f"/telemedicine/{session.id}").text
    call = inside.client.get(f"/telemedicine/{session.id}/call")
    if step.startswith("link"):
        assert call.status_code == 303
        assert call.headers["Location"].startswith("/sign-in")
    else:
        assert call.status_code == 409
        ticket = inside.client.post(
            "/api/v1/telemedicine/token/",
            json={"session_id": session.id},
            headers={"X-CSRFToken": inside.csrf_token()},
        )
        assert ticket.status_code == 409


def test_a_link_made_new_works_and_those_before_do_not(stranger, clinic, session):
    first, second = clinic.link(session), clinic.link(session)
    stranger.get(first, status=410)
    enter(stranger, second).follow()


def test_it_ends_a_day_after_its_time_unless_the_call_runs(moment, stranger, clinic):
    waiting, running = clinic.session(), clinic.session()
    paths = [clinic.link(one) for one in (waiting, running)]
    moment.shift(timedelta(hours=24))
    for path in paths:
        stranger.get(path)
    _start(clinic, running)
    moment.shift(timedelta(hours=3))
    stranger.get(paths[0], status=410)
    stranger.get(paths[1])


def test_a_deactivated_patients_link_is_over(sam, ana, stranger, clinic, session):
    path = clinic.link(session)
    sam.post(f"/admin/people/{ana.id}/deactivate")
    stranger.get(path, status=410)


def test_an_unknown_token_is_not_found_and_guessing_is_limited(stranger, clinic, session, monkeypatch):
    monkeypatch.setattr(limits, "PER_ADDRESS", 3)
    good = clinic.link(session)
    for number in range(3):
        page = stranger.get(f"/join/{number}", status=404)
        assert "We cannot find this" in page.text
    for page in (stranger.get("/join/again", status=429), stranger.post("/join/again", status=429)):
        assert int(page.answer.headers["Retry-After"]) > 0
    stranger.get(good)
    enter(stranger, good).follow()


@on_sqlite
def test_a_token_of_one_kind_is_none_of_another(stranger, sam, clinic, session):
    token = clinic.link(session).rpartition("/")[2]
    stranger.get(f"/invitation/{token}", status=410)
    answer = stranger.client.get("/api/v1/visits/", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    stranger.client.set_cookie("sign_in", token)
    assert stranger.client.get(f"/telemedicine/{session.id}/call").status_code == 303


def test_the_patient_who_is_signed_in_stays_themselves(ana, clinic, session):
    path = clinic.link(session)
    ana.get(path).press("Join Session").follow()
    ana.get("/patient-portal/dashboard")


def test_a_doctor_who_opens_it_is_warned_and_becomes_the_links_visitor(app, dr_grey, clinic, session):
    dr_grey.get("/visits")
    own = dr_grey.client.get_cookie("sign_in").value
    page = dr_grey.get(clinic.link(session))
    assert "You are signed in as Dr Maria Grey" in page.text
    page.press("Join Session").follow()
    dr_grey.get("/visits", status=403)
    old = app.test_client()
    old.set_cookie("sign_in", own)
    assert old.get("/visits").status_code == 303


def test_a_visitor_of_a_link_can_leave_and_read_and_come_back(stranger, clinic):
    session = clinic.session("IN_PROGRESS")
    enter(stranger, clinic.link(session))
    page = stranger.post(f"/telemedicine/{session.id}/leave")
    assert page.location == f"/telemedicine/{session.id}"
    page = page.follow()
    assert page.session(session.id)["data-status"] == "IN_PROGRESS"
    assert page.press("Join Session").one("[data-call-state]") is not None


def _in(**more):
    from telehealth import clock

    return clock.now() + timedelta(**more)


def _start(clinic: Clinic, session) -> None:
    from telehealth import access, sessions, video

    by = clinic._person("dr_grey").actor
    with clinic.app.app_context():
        sessions.start(access.load_session(session.id, by=by), by=by, video=video.provider())


def test_a_link_that_its_patient_opens_while_signed_in_is_written_down(ana, clinic):
    session = clinic.session("IN_PROGRESS")
    link = clinic.link(session)
    ana.get("/patient-portal/dashboard")
    assert ana.get(link).press("Join Session").location.endswith("/call")
    assert clinic.history(session)[-1] == "session.link_used"
    ana.get("/patient-portal/dashboard")
