"""The patient portal: what is coming, what is past, and the way in."""

from datetime import timedelta

import pytest

from telehealth import agenda, clock
from telehealth.models import Status

WORDS = {
    "SCHEDULED": "You can come in",
    "IN_PROGRESS": "Your doctor is ready. Come in now.",
    "COMPLETED": "It lasted",
    "CANCELLED": "This visit does not take place.",
    "FAILED": "You did nothing wrong.",
}


def test_without_a_session_the_pages_say_so(ana):
    page = ana.get("/patient-portal/dashboard")
    assert "No video visit is booked" in page.text
    assert page.statuses() == {}
    assert "No video visit is booked" in ana.get("/patient-portal/telemedicine").text


def test_the_dashboard_leads_to_telemedicine_and_into_the_session(ana, clinic):
    session = clinic.session()
    page = ana.get("/patient-portal/dashboard")
    assert page.statuses() == {session.id: "SCHEDULED"}
    (link,) = [tag for tag in page.all("main a") if "Telemedicine" in tag.get_text()]
    assert link["href"] == "/patient-portal/telemedicine"
    call = page.press("Join Session")
    assert call.path == f"/telemedicine/{session.id}/call"
    assert call.one("[data-call-state]")["data-call-state"] == "waiting"


def test_the_next_session_is_the_running_one_then_the_soonest(ana, clinic):
    later = clinic.session(start=clock.now() + timedelta(days=2))
    soon = clinic.session(start=clock.now() + timedelta(hours=1))
    assert ana.get("/patient-portal/next", fragment=True).statuses() == {soon.id: "SCHEDULED"}
    running = clinic.session("IN_PROGRESS", start=clock.now() + timedelta(days=3))
    assert ana.get("/patient-portal/next", fragment=True).statuses() == {running.id: "IN_PROGRESS"}
    page = ana.get("/patient-portal/telemedicine")
    assert list(page.statuses()) == [running.id, soon.id, later.id]


@pytest.mark.parametrize("status", Status.ALL)
def test_each_status_has_words_and_the_button_if_there_is_a_way_in(ana, clinic, status):
    session = clinic.session(status)
    for path in ("/patient-portal/telemedicine", f"/telemedicine/{session.id}"):
        page = ana.get(path)
        assert page.session(session.id)["data-status"] == status
        assert WORDS[status] in page.session(session.id).get_text(" ")
        buttons = page.buttons(f"[data-session-id='{session.id}']")
        assert buttons == (["Join Session"] if status in Status.OPEN else [])
    assert status not in ana.get("/patient-portal/telemedicine").text


def test_coming_and_past_sessions_are_apart(ana, clinic):
    made = {status: clinic.session(status) for status in Status.ALL}
    page = ana.get("/patient-portal/telemedicine")
    coming, past = page.all("section[aria-labelledby]")
    assert {str(tag["data-status"]) for tag in coming.select("[data-session-id]")} == set(Status.OPEN)
    assert {str(tag["data-status"]) for tag in past.select("[data-session-id]")} == (
        set(Status.ALL) - set(Status.OPEN)
    )
    assert set(page.statuses()) == {session.id for session in made.values()}


def test_what_is_long_past_is_on_the_next_pages(ana, ben, clinic, monkeypatch):
    monkeypatch.setattr(agenda, "LIST_MOST", 2)
    over = [clinic.session(Status.CANCELLED).id for _ in range(5)]
    clinic.session(Status.CANCELLED, clinic.visit(patient="ben"))
    seen, path = [], "/patient-portal/telemedicine"
    for number in (1, 2, 3):
        page = ana.get(path)
        seen += page.statuses()
        assert f"Page {number} of 3" in page.text
        # What is asked for when something changed is the same page of the list.
        part = ana.get(str(page.one("#sessions")["hx-get"]), fragment=True)
        assert part.statuses() == page.statuses()
        path = next((str(link["href"]) for link in page.all("nav a") if "Older" in link.text), "")
    assert path == ""
    assert sorted(seen) == sorted(over)
    assert ana.get("/patient-portal/telemedicine?page=99").statuses() == page.statuses()
    assert "Page 1" not in ben.get("/patient-portal/telemedicine").text


def test_the_parts_are_sent_again_only_when_they_changed(ana, dr_grey, clinic):
    session = clinic.session()
    for page, part, where in (
        ("/patient-portal/dashboard", "/patient-portal/next", "#next"),
        ("/patient-portal/telemedicine", "/patient-portal/telemedicine/list", "#sessions"),
    ):
        tag = str(ana.get(page).one(where)["hx-ptag"])
        ana.get(part, fragment=True, status=304, headers={"HX-PTag": tag})
        assert ana.get(part, fragment=True).statuses() == {session.id: "SCHEDULED"}
    dr_grey.post(f"/telemedicine/{session.id}/start")
    for part in ("/patient-portal/next", "/patient-portal/telemedicine/list"):
        found = ana.get(part, fragment=True, headers={"HX-PTag": tag})
        assert found.statuses() == {session.id: "IN_PROGRESS"}


def test_a_patient_is_told_nothing_of_other_patients(ana, ben, clinic):
    clinic.session(visit=clinic.visit(patient="ben"))
    for path in ("/patient-portal/dashboard", "/patient-portal/telemedicine"):
        assert ana.get(path).statuses() == {}
        assert len(ben.get(path).statuses()) == 1


def test_a_patient_reads_their_session_without_what_is_not_for_them(ana, clinic):
    session = clinic.session("CANCELLED", notes="zqNotes")
    page = ana.get(f"/telemedicine/{session.id}")
    assert "with Dr Maria Grey" in page.text
    for word in ("zqNotes", "A cough", "Ana is better", "ana@people.example"):
        assert word not in page.answer.text


def test_the_call_of_a_session_that_is_over_says_so(ana, dr_grey, clinic):
    for status in ("COMPLETED", "CANCELLED", "FAILED"):
        session = clinic.session(status)
        for visitor in (ana, dr_grey):
            page = visitor.get(f"/telemedicine/{session.id}/call", status=409)
            assert page.all("[data-call-state]") == []
            assert page.all("main a")


def test_the_doctor_must_start_before_there_is_a_call(dr_grey, clinic):
    session = clinic.session()
    page = dr_grey.get(f"/telemedicine/{session.id}/call", status=409)
    assert "Start the session first." in page.text
    assert "Start Session" in page.buttons()
