"""Visits on pages: the list, the search, opening and closing."""

from datetime import timedelta

import pytest
from support.databases import on_sqlite

from routes.caller import Caller
from telehealth import visits as operations
from telehealth.routes import visits as routes_visits


def rows(page) -> list[str]:
    """The patients in the list of visits."""
    return [tag.get_text(strip=True) for tag in page.all("#visit-list li h3")]


def test_a_doctor_sees_their_own_visits_and_staff_all(dr_grey, dr_house, sam, clinic):
    clinic.visit("dr_grey", "ana")
    clinic.visit("dr_house", "ben")
    assert rows(dr_grey.get("/visits")) == ["Ana Lima"]
    assert rows(dr_house.get("/visits")) == ["Ben Osei"]
    page = sam.get("/visits")
    assert sorted(rows(page)) == ["Ana Lima", "Ben Osei"]
    assert "Dr Maria Grey" in page.text


def test_open_and_closed_visits_are_apart_and_counted(dr_grey, clinic):
    clinic.visit()
    clinic.visit(patient="ben", closed=True)
    clinic.visit(patient="ben", closed=True)
    page = dr_grey.get("/visits")
    assert rows(page) == ["Ana Lima"]
    assert page.one("#visits-open").get_text(" ", strip=True) == "Open 1"
    assert page.one("#visits-closed").get_text(" ", strip=True) == "Closed 2"
    closed = dr_grey.get(str(page.one("#visits-closed")["href"]))
    assert rows(closed) == ["Ben Osei", "Ben Osei"]
    assert "2 closed visits" in closed.text


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ana", ["Ana Lima"]),
        ("LIMA", ["Ana Lima"]),
        ("cough", ["Ana Lima", "Ben Osei"]),
        ("  ben  ", ["Ben Osei"]),
        ("%", []),
        ("_na", []),
        ("\\", []),
        ("nobody", []),
    ],
)
def test_the_search_looks_at_patients_and_reasons(dr_grey, dr_house, clinic, words, found):
    clinic.visit(patient="ana")
    clinic.visit(patient="ben")
    clinic.visit("dr_house", "ana")
    page = dr_grey.get("/visits", query_string={"q": words})
    assert sorted(rows(page)) == found
    assert str(page.one("#visit-search-text")["value"]).strip() == words.strip()
    if not found:
        assert "Nothing found" in page.text


def test_a_filter_and_a_search_swap_the_list_alone(dr_grey, clinic):
    clinic.visit()
    headers = {"HX-Target": "div#visit-list"}
    part = dr_grey.get("/visits?q=ana", fragment=True, headers=headers)
    assert rows(part) == ["Ana Lima"]
    assert part.all("#today-sessions") == []
    assert part.one("#visit-list") is not None


def test_many_visits_come_in_pages(dr_grey, clinic, monkeypatch):
    monkeypatch.setattr(operations, "PAGE", 2)
    for _ in range(3):
        clinic.visit()
    first = dr_grey.get("/visits")
    assert len(rows(first)) == 2
    assert "Page 1 of 2" in first.text
    (older,) = [tag for tag in first.all("nav a") if tag.get_text(strip=True) == "Older"]
    assert len(rows(dr_grey.get(str(older["href"])))) == 1
    for page in ("0", "-5", "x", "99"):
        assert rows(dr_grey.get(f"/visits?page={page}"))


def test_todays_sessions_are_the_clinics_day(moment, dr_grey, sam, clinic):
    today = clinic.session(start=_in(hours=2))
    late = clinic.session(start=_in(hours=9, minutes=59))
    tomorrow = clinic.session(start=_in(hours=10))
    running = clinic.session("IN_PROGRESS", start=_in(hours=30))
    for visitor in (dr_grey, sam):
        shown = visitor.get("/visits").statuses()
        assert list(shown) == [running.id, today.id, late.id]
        assert tomorrow.id not in shown
        assert visitor.get("/visits/today", fragment=True).statuses() == shown


def test_today_is_refreshed_only_when_it_changed(dr_grey, clinic):
    session = clinic.session()
    page = dr_grey.get("/visits")
    tag = str(page.one("#today")["hx-ptag"])
    dr_grey.get("/visits/today", fragment=True, status=304, headers={"HX-PTag": tag})
    dr_grey.post(f"/telemedicine/{session.id}/start")
    fresh = dr_grey.get("/visits/today", fragment=True, headers={"HX-PTag": tag})
    assert fresh.answer.headers["HX-PTag"] != tag


def test_a_doctor_opens_a_visit_with_themselves(dr_grey, ana, clinic):
    link = dr_grey.get("/visits").one('a[href="/visits/new"]')
    assert link.get_text(strip=True) == "New visit"
    page = dr_grey.get("/visits/new")
    assert page.all("[name=doctor_id]") == []
    page = page.press("Open visit", patient_id=ana.id, reason="  Ear\tache ")
    assert page.location.endswith("/telemedicine")
    page = page.follow()
    assert "The visit is open." in page.text
    assert "Ana Lima" in page.one("h1").get_text()
    assert "Ear ache" in page.text


def test_staff_open_a_visit_for_any_doctor(sam, dr_house, ben):
    page = sam.get("/visits/new").press(
        "Open visit", patient_id=ben.id, doctor_id=dr_house.id, reason="Ear ache"
    )
    assert rows(dr_house.get("/visits")) == ["Ben Osei"]
    assert page.follow().one("h1").get_text(strip=True) == "Ben Osei"


def test_a_doctor_cannot_open_a_visit_for_a_colleague(dr_grey, dr_house, ana):
    data = {"patient_id": ana.id, "doctor_id": dr_house.id, "reason": "Ear ache"}
    page = dr_grey.post("/visits/new", data, status=422)
    assert "Some of what was sent cannot be used." in page.text
    assert rows(dr_grey.get("/visits")) == []
    assert rows(dr_house.get("/visits")) == []


def test_only_active_people_in_their_roles_can_be_chosen(sam, ana, dr_grey):
    sam.post(f"/admin/people/{ana.id}/deactivate")
    page = sam.get("/visits/new")
    patients = [tag.get_text() for tag in page.all("[name=patient_id] option")]
    doctors = [tag.get_text() for tag in page.all("[name=doctor_id] option")]
    assert patients == ["Choose", "Ben Osei (2 November 1951)"]
    assert doctors == ["Choose", "Dr Maria Grey", "Dr Paul House"]
    for patient in (ana.id, dr_grey.id, "nobody"):
        data = {"patient_id": patient, "doctor_id": dr_grey.id, "reason": "Ear ache"}
        assert sam.post("/visits/new", data, status=422)


@on_sqlite
@pytest.mark.parametrize(
    ("reason", "words"),
    [("", "Write the reason"), ("   ", "Write the reason"), ("x" * 501, "500"), ("a\x00b", "cannot be used")],
)
def test_a_reason_is_asked_for_and_what_was_chosen_stays(sam, ana, dr_grey, reason, words):
    page = sam.get("/visits/new").press(
        "Open visit", status=422, patient_id=ana.id, doctor_id=dr_grey.id, reason=reason
    )
    assert words in page.one("[data-error-summary]").get_text(" ")
    assert page.one("[name=patient_id] option[selected]")["value"] == ana.id
    assert page.one("[name=doctor_id] option[selected]")["value"] == dr_grey.id


@pytest.mark.parametrize("who", ["dr_grey", "sam"])
def test_a_visit_is_closed_once_its_sessions_are_over(person, clinic, who):
    visit = clinic.visit()
    clinic.session("COMPLETED", visit)
    clinic.session("CANCELLED", visit)
    page = person(who).get(f"/visits/{visit.id}").press("Close visit").follow()
    assert "The visit is closed." in page.text
    assert "Close visit" not in page.buttons()
    again = person(who).post(f"/visits/{visit.id}/close", status=409)
    assert "This visit is closed already." in again.text
    assert again.one("#visit-status").get_text(strip=True) == "Visit closed"


@pytest.mark.parametrize("status", ["SCHEDULED", "IN_PROGRESS"])
def test_a_visit_with_an_open_session_stays_open(dr_grey, clinic, status):
    session = clinic.session(status)
    assert "Close visit" not in dr_grey.get(f"/visits/{session.visit_id}").buttons()
    for fragment in (False, True):
        page = dr_grey.post(f"/visits/{session.visit_id}/close", status=409, fragment=fragment)
        assert "End or cancel it first." in page.text


def test_a_waiting_patient_stands_first(dr_grey, ana, clinic):
    clinic.session()
    session = clinic.session(start=_in(hours=3))
    ticket = ana.api("POST", "/telemedicine/token/", json={"session_id": session.id}).json
    entered = ana.client.post(
        f"/telemedicine/{session.id}/call/enter",
        json={"participant": "a" * 24, "token": ticket["token"]},
        headers={"X-CSRFToken": ana.csrf_token()},
    )
    assert entered.json["status"] == "SCHEDULED"
    page = dr_grey.get("/visits/today", fragment=True)
    assert next(iter(page.statuses())) == session.id
    assert "Patient is waiting" in page.session(session.id).get_text(" ")
    card = dr_grey.get(f"/visits/{session.visit_id}/telemedicine").session(session.id)
    assert "Patient is waiting" in card.get_text(" ")


def _in(**more):
    from telehealth import clock

    return clock.now() + timedelta(**more)


def test_of_many_patients_a_part_of_the_name_finds_the_right_one(sam, ben, dr_grey, monkeypatch):
    monkeypatch.setattr(routes_visits, "CHOICE_MOST", 1)
    page = sam.get("/visits/new")
    assert "search first" in page.text
    page = sam.get("/visits/new?q=osei")
    assert [tag["value"] for tag in page.all("[name=patient_id] option")] == ["", ben.id]
    assert "search first" not in page.text
    page = page.press("Open visit", patient_id=ben.id, doctor_id=dr_grey.id, reason="", status=422)
    page = page.press("Open visit", patient_id=ben.id, doctor_id=dr_grey.id, reason="Ear ache")
    assert page.location.endswith("/telemedicine")


def test_the_rows_of_the_list_follow_what_happens(dr_grey, ana, clinic):
    session = clinic.session("SCHEDULED")
    rows_of = dr_grey.get("/visits").one("#visit-rows")["hx-get"]
    assert "Scheduled" in dr_grey.get(rows_of, fragment=True).text
    Caller(ana, session).enter()
    assert "Patient waiting" in dr_grey.get(rows_of, fragment=True).text
