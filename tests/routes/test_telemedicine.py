"""Cards and their buttons: as pages and as fragments, at the right moment and at a wrong one."""

import pytest
from support.databases import on_sqlite
from support.pages import Page

from routes.caller import Caller
from telehealth.models import Status

FRAGMENT = pytest.mark.parametrize("fragment", [False, True], ids=["page", "fragment"])

BUTTONS = {
    ("dr_grey", "SCHEDULED"): ["Start Session", "Cancel Session", "Make patient link"],
    ("dr_grey", "IN_PROGRESS"): ["Join Call", "End Session", "Make patient link"],
    ("dr_grey", "COMPLETED"): [],
    ("dr_grey", "CANCELLED"): [],
    ("dr_grey", "FAILED"): ["Create again"],
    ("sam", "SCHEDULED"): ["Cancel Session", "Make patient link"],
    ("sam", "IN_PROGRESS"): ["Make patient link"],
    ("sam", "COMPLETED"): [],
    ("sam", "CANCELLED"): [],
    ("sam", "FAILED"): [],
}

STEPS = {
    "start": ("SCHEDULED", "IN_PROGRESS", "The session has started."),
    "end": ("IN_PROGRESS", "COMPLETED", "The session has ended."),
    "cancel": ("SCHEDULED", "CANCELLED", "The session is cancelled."),
    "link/revoke": ("SCHEDULED", "SCHEDULED", "The link no longer works."),
    "leave": ("IN_PROGRESS", "IN_PROGRESS", "You have left the call."),
}

WRONG = [
    (step, status)
    for step, possible in {
        "start": ("SCHEDULED",),
        "end": ("IN_PROGRESS",),
        "cancel": ("SCHEDULED",),
        "link": Status.OPEN,
        "link/revoke": Status.OPEN,
    }.items()
    for status in Status.ALL
    if status not in possible
]


def of_visit(session) -> str:
    return f"/visits/{session.visit_id}/telemedicine"


def card(page: Page, session) -> str:
    """The selector of a session's card, which must be there once."""
    assert page.session(session.id)["id"] == f"session-{session.id}"
    return f"#session-{session.id}"


@pytest.mark.parametrize(("who", "status"), BUTTONS)
def test_a_card_has_the_buttons_that_can_be_pressed_now(person, clinic, who, status):
    session = clinic.session(status)
    for path in (of_visit(session), f"/telemedicine/{session.id}"):
        page = person(who).get(path)
        assert page.session(session.id)["data-status"] == status
        assert page.buttons(card(page, session)) == BUTTONS[who, status]
    fragment = person(who).get(f"/telemedicine/{session.id}/card", fragment=True)
    assert fragment.buttons(card(fragment, session)) == BUTTONS[who, status]


@FRAGMENT
@pytest.mark.parametrize("step", STEPS)
def test_each_step_says_what_happened(dr_grey, clinic, step, fragment):
    before, after, words = STEPS[step]
    session = clinic.session(before)
    clinic.link(session)
    page = dr_grey.post(f"/telemedicine/{session.id}/{step}", fragment=fragment)
    if fragment:
        assert [str(tag["hx-target"]) for tag in page.all("hx-partial")] == ["#flash"]
        assert words in page.one("hx-partial").get_text(" ")
    else:
        assert page.location == of_visit(session)
        page = page.follow()
        assert words in page.one("#flash").get_text(" ")
    assert page.session(session.id)["data-status"] == after == clinic.now(session).status
    assert words not in dr_grey.get(of_visit(session)).text


def test_the_doctors_way_through_a_session(dr_grey, clinic):
    session = clinic.session(recording_enabled=True, notes="Home readings")
    page = dr_grey.get(of_visit(session))
    page = page.press("Start Session", within=card(page, session)).follow()
    assert page.session(session.id)["data-status"] == "IN_PROGRESS"
    call = page.press("Join Call", within=card(page, session))
    assert call.one("[data-call-state]") is not None
    page = dr_grey.get(of_visit(session))
    page = page.press("End Session", within=card(page, session)).follow()
    assert page.session(session.id)["data-status"] == "COMPLETED"
    assert page.buttons(card(page, session)) == []
    assert dr_grey.get(f"/telemedicine/{session.id}/call", status=409).text
    steps = ["session.create", "session.start", "session.end"]
    assert [step for step in clinic.history(session) if step in steps] == steps


@on_sqlite
@FRAGMENT
@pytest.mark.parametrize(("step", "status"), WRONG)
def test_a_step_at_the_wrong_moment_shows_the_present_state(dr_grey, clinic, step, status, fragment):
    session = clinic.session(status)
    before = clinic.history(session)
    page = dr_grey.post(f"/telemedicine/{session.id}/{step}", fragment=fragment, status=409)
    shown = page.session(session.id)
    assert shown["data-status"] == status
    assert page.buttons(card(page, session)) == BUTTONS["dr_grey", status]
    reason = shown.select_one(".notice[data-focus=first]") if fragment else page.one("p.lead")
    assert reason is not None
    assert "This session" in reason.get_text(" ")
    assert clinic.now(session).status == status
    assert clinic.history(session) == before


@FRAGMENT
@pytest.mark.parametrize("step", ["start", "end", "cancel"])
def test_a_button_pressed_twice_acts_once(dr_grey, clinic, step, fragment):
    before, after, _words = STEPS[step]
    session = clinic.session(before)
    path = f"/telemedicine/{session.id}/{step}"
    dr_grey.post(path, fragment=fragment)
    page = dr_grey.post(path, fragment=fragment, status=409)
    assert page.session(session.id)["data-status"] == after
    assert clinic.history(session).count(f"session.{step}") == 1


def test_leaving_and_revoking_twice_is_harmless(dr_grey, clinic):
    session = clinic.session("IN_PROGRESS")
    for step in ("leave", "leave", "link/revoke", "link/revoke"):
        dr_grey.post(f"/telemedicine/{session.id}/{step}")
    assert clinic.now(session).status == "IN_PROGRESS"
    assert clinic.history(session) == ["session.create", "session.start"]


def test_the_reason_of_a_cancellation_is_for_the_clinic(dr_grey, sam, ana, clinic):
    session = clinic.session()
    sam.post(f"/telemedicine/{session.id}/cancel", {"reason": "  Ana\n is  well again  "})
    for visitor in (dr_grey, sam):
        page = visitor.get(of_visit(session))
        assert "Sam Porter" in page.session(session.id).get_text()
        assert "Ana is well again" in page.session(session.id).get_text()
    for path in (f"/telemedicine/{session.id}", "/patient-portal/telemedicine"):
        assert "well again" not in ana.get(path).answer.text


@on_sqlite
def test_a_reason_that_cannot_be_kept_is_refused_or_cut(dr_grey, clinic):
    session = clinic.session()
    path = f"/telemedicine/{session.id}/cancel"
    dr_grey.post(path, {"reason": "a\x00b"}, status=400)
    dr_grey.post(path, {"reason": "x" * 700})
    assert clinic.now(session).cancel_reason == "x" * 500


def test_notes_are_the_doctors_alone(dr_grey, sam, ana, stranger, clinic):
    session = clinic.session("IN_PROGRESS", notes="zqNotes")
    link = clinic.link(session)
    parts = [f"{of_visit(session)}/sessions", f"/telemedicine/{session.id}/card"]
    pages = [of_visit(session), f"/telemedicine/{session.id}"]
    for path in (*parts, *pages):
        assert "zqNotes" in dr_grey.get(path, fragment=path in parts).answer.text
    for path in (*parts, *pages, "/visits", f"/visits/{session.visit_id}"):
        assert "zqNotes" not in sam.get(path, fragment=path in parts).answer.text
    assert "zqNotes" not in sam.post(f"/telemedicine/{session.id}/link", fragment=True).answer.text
    for path in ("/patient-portal/dashboard", "/patient-portal/telemedicine"):
        assert "zqNotes" not in ana.get(path).answer.text
    stranger.get(link, status=410)
    stranger.get(clinic.link(session)).press("Join Session")
    for visitor in (ana, stranger):
        for path in ("", "/call"):
            assert "zqNotes" not in visitor.get(f"/telemedicine/{session.id}{path}").answer.text


def test_what_one_reader_was_shown_is_not_lent_to_another(app, dr_grey, sam, clinic, stranger):
    session = clinic.session(notes="zqNotes")
    mine = dr_grey.get(of_visit(session))
    theirs = sam.get(of_visit(session))
    assert mine.buttons(card(mine, session)) != theirs.buttons(card(theirs, session))
    assert "zqNotes" not in theirs.answer.text
    assert dr_grey.csrf_token() not in theirs.answer.text
    assert mine.session(session.id).select("[name=csrf_token]") == []


@FRAGMENT
def test_a_patients_link_is_shown_once(dr_grey, clinic, fragment):
    session = clinic.session()
    page = dr_grey.get(of_visit(session))
    page = page.press("Make patient link", within=card(page, session), fragment=fragment, status=200)
    url = str(page.one(".copy-box input")["value"])
    assert url.startswith("http://localhost/join/")
    assert page.answer.text.count(url) == 1
    page = dr_grey.get(of_visit(session))
    assert url not in page.answer.text
    assert "Make a new link" in page.buttons(card(page, session))
    page = page.press("Revoke link", within=card(page, session)).follow()
    assert "Make patient link" in page.buttons(card(page, session))


def test_the_list_says_when_it_would_look_the_same(dr_grey, clinic):
    session = clinic.session()
    path = f"{of_visit(session)}/sessions"
    tag = dr_grey.get(path, fragment=True).answer.headers["HX-PTag"]
    same = dr_grey.get(path, fragment=True, status=304, headers={"HX-PTag": tag})
    assert same.answer.data == b""
    assert dr_grey.get(of_visit(session)).one("#sessions")["hx-ptag"] == tag
    clinic.link(session)
    other = dr_grey.get(path, fragment=True, headers={"HX-PTag": tag}).answer.headers["HX-PTag"]
    assert other != tag
    dr_grey.post(f"/telemedicine/{session.id}/start", fragment=True)
    assert dr_grey.get(path, fragment=True, headers={"HX-PTag": other}).statuses() == {
        session.id: "IN_PROGRESS"
    }


def test_a_list_shows_every_session_once_first_what_needs_somebody(dr_grey, clinic):
    visit = clinic.visit()
    made = {status: clinic.session(status, visit) for status in Status.ALL}
    page = dr_grey.get(f"/visits/{visit.id}/telemedicine")
    order = [Status.IN_PROGRESS, Status.SCHEDULED, Status.FAILED, Status.CANCELLED, Status.COMPLETED]
    assert list(page.statuses().items()) == [(made[status].id, status) for status in order]
    overview = dr_grey.get(f"/visits/{visit.id}")
    assert overview.statuses() == page.statuses()


def test_the_history_tells_in_words_what_happened(dr_grey, sam, ana, clinic, dr_house):
    session = clinic.session()
    dr_house.get(f"/telemedicine/{session.id}", status=404)
    clinic.link(session)
    dr_grey.post(f"/telemedicine/{session.id}/start")
    dr_grey.post(f"/telemedicine/{session.id}/end")
    for visitor in (dr_grey, sam):
        words = visitor.get(f"/telemedicine/{session.id}/history", fragment=True).text
        for line in ("Session created", "Session started", "Session ended", "Patient link made", "Refused"):
            assert line in words
        assert visitor.get(f"/telemedicine/{session.id}").one("#history") is not None
    words = ana.get(f"/telemedicine/{session.id}").one("#history").get_text(" ")
    for line in ("Session created", "Session started", "Session ended"):
        assert line in words
    for line in ("link", "Refused", "House", "read"):
        assert line not in words


def test_a_record_that_is_read_is_in_the_audit(dr_grey, ana, clinic):
    session = clinic.session()
    for visitor in (dr_grey, ana):
        visitor.get(f"/telemedicine/{session.id}")
    assert clinic.history(session) == ["session.create", "session.read", "session.read"]
    for _ in range(3):
        dr_grey.get(f"/telemedicine/{session.id}/card", fragment=True)
    assert clinic.history(session).count("session.read") == 2


@FRAGMENT
def test_the_patient_steps_out_and_the_session_stays(ana, clinic, fragment):
    session = clinic.session("IN_PROGRESS")
    page = ana.post(f"/telemedicine/{session.id}/leave", fragment=fragment)
    if not fragment:
        assert page.location == "/patient-portal/telemedicine"
        page = page.follow()
    assert page.session(session.id)["data-status"] == "IN_PROGRESS"
    assert "Join Session" in page.buttons()


def test_whoever_is_in_the_call_can_leave_it_from_the_card_too(dr_grey, ana, clinic):
    session = clinic.session("IN_PROGRESS")
    lists = {dr_grey: f"/visits/{session.visit_id}/telemedicine", ana: "/patient-portal/telemedicine"}
    words = {dr_grey: "Leave Call", ana: "Leave Session"}
    for who, path in lists.items():
        assert words[who] not in who.get(path).buttons("main")
        Caller(who, session).enter()
    for who, path in lists.items():
        page = who.get(path)
        assert words[who] in page.buttons("main")
        page = page.press(words[who]).follow()
        assert "You have left the call." in page.text
        assert words[who] not in page.buttons("main")
        assert page.statuses() == {session.id: "IN_PROGRESS"}
