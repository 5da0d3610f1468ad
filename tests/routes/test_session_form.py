"""The form for a new session: what is refused, what is asked back, and that nothing typed is lost.

The clinic's clock is Berlin's; it is Tuesday, 9 June 2026, 14:00 there.
"""

import pytest
from support.cast import Clinic
from support.databases import on_sqlite
from support.doubles import RefusingVideo, install
from support.pages import Page

NOTES = 'Ask about <sleep> & "tablets"\n  second line'

pytestmark = pytest.mark.usefixtures("moment")


@pytest.fixture(params=[False, True], ids=["page", "fragment"])
def fragment(request) -> bool:
    """Without JavaScript, and as htmx does it."""
    return request.param


@pytest.fixture
def visit(moment, clinic: Clinic):
    return clinic.visit()


def open_form(dr_grey, visit, fragment: bool = False) -> Page:
    return dr_grey.get(f"/visits/{visit.id}/telemedicine/new", fragment=fragment)


def fill(dr_grey, visit, fragment, status=None, **typed) -> Page:
    form = {"scheduled_start": "2026-06-10T09:30", "notes": NOTES, "recording_enabled": "y", **typed}
    return open_form(dr_grey, visit, fragment).press(
        "Create Session", fragment=fragment, status=status, **form
    )


def kept(page: Page, start: str) -> None:
    """What was typed is still there."""
    assert page.one("[name=scheduled_start]")["value"] == start
    assert page.one("[name=notes]").get_text().removeprefix("\n") == NOTES
    assert page.one("[name=recording_enabled]").get("checked") is not None


def test_the_form_opens_in_place_of_its_button(dr_grey, visit, fragment):
    page = dr_grey.get(f"/visits/{visit.id}/telemedicine")
    assert "+ Create Session" in page.buttons()
    assert "Create Session" not in page.buttons()
    form = page.press("+ Create Session") if not fragment else open_form(dr_grey, visit, True)
    assert form.one("#session-form") is not None
    assert "Create Session" in form.buttons()
    assert "+ Create Session" not in form.buttons()
    labels = [label.get_text(strip=True) for label in form.all("#session-form label")]
    assert labels == ["Scheduled Start Time", "Enable Recording", "Notes"]
    closed = dr_grey.get(f"/visits/{visit.id}/telemedicine/form", fragment=fragment)
    assert "+ Create Session" in closed.buttons()
    assert closed.all("[name=scheduled_start]") == []


def test_a_session_is_created_as_typed(dr_grey, visit, clinic, fragment):
    page = fill(dr_grey, visit, fragment)
    if not fragment:
        assert page.location == f"/visits/{visit.id}/telemedicine"
        page = page.follow()
    assert "The session is planned." in page.text
    ((session_id, status),) = page.statuses().items()
    assert status == "SCHEDULED"
    assert "+ Create Session" in page.buttons()
    session = clinic.now(session_id)
    assert session.scheduled_start.isoformat() == "2026-06-10T07:30:00+00:00"
    assert session.recording_enabled
    assert session.notes == NOTES.strip()
    card = page.session(session_id)
    assert card.select_one(".session-when time")["datetime"] == "2026-06-10T07:30:00Z"
    assert "09:30" in card.get_text()


def test_a_fragment_answers_with_the_form_the_list_and_the_message(dr_grey, visit):
    page = fill(dr_grey, visit, True)
    assert [str(tag["hx-target"]) for tag in page.all("hx-partial")] == ["#session-list", "#flash"]
    assert page.one("#session-form") is not None
    assert page.one("#session-list [data-session-id]") is not None


@pytest.mark.parametrize(
    ("typed", "start", "words"),
    [
        ({"scheduled_start": ""}, "", "Choose a date and a time."),
        ({"scheduled_start": "tomorrow"}, "tomorrow", "Not a valid"),
        ({"scheduled_start": "2026-02-30T10:00"}, "2026-02-30T10:00", "Not a valid"),
        ({"scheduled_start": "2026-06-09T13:54"}, "2026-06-09T13:54", "This time has passed"),
        ({"scheduled_start": "0001-01-01T00:00"}, "0001-01-01T00:00", "Check the year"),
        ({"scheduled_start": "9999-12-31T23:59"}, "9999-12-31T23:59", "too far ahead"),
        ({"scheduled_start": "2028-06-10T10:00"}, "2028-06-10T10:00", "too far ahead"),
        ({"scheduled_start": "2027-03-28T02:30"}, "2027-03-28T02:30", "this time does not exist"),
        ({"scheduled_start": "2026-10-25T02:30"}, "2026-10-25T02:30", "comes twice"),
    ],
)
def test_a_time_that_cannot_be_comes_back_with_what_was_typed(
    app, dr_grey, visit, clinic, fragment, typed, start, words
):
    page = fill(dr_grey, visit, fragment, status=422, **typed)
    assert words in page.one("[data-error-summary]").get_text(" ")
    field = page.one("[name=scheduled_start]")
    assert field["aria-invalid"] == "true"
    assert words in page.one(f"#{field['aria-describedby'].split()[-1]}").get_text(" ")
    kept(page, start)
    assert dr_grey.get(f"/visits/{visit.id}/telemedicine").statuses() == {}


@on_sqlite
def test_five_minutes_of_grace_for_whoever_fills_in_the_form(dr_grey, visit, clinic):
    page = fill(dr_grey, visit, True, scheduled_start="2026-06-09T13:55")
    assert list(page.statuses().values()) == ["SCHEDULED"]


@on_sqlite
@pytest.mark.parametrize(("notes", "words"), [("x" * 5001, "at most 5000"), ("a\x00b", "cannot be used")])
def test_notes_that_cannot_be_kept_come_back(dr_grey, visit, fragment, notes, words):
    page = fill(dr_grey, visit, fragment, status=422, notes=notes)
    assert words in page.one("[data-error-summary]").get_text(" ")
    assert page.one("[name=scheduled_start]")["value"] == "2026-06-10T09:30"


def test_a_time_that_comes_twice_is_asked_back_and_both_answers_work(dr_grey, visit, clinic, fragment):
    question = fill(dr_grey, visit, fragment, status=422, scheduled_start="2026-10-25T02:30")
    options = [str(tag["value"]) for tag in question.all("[name=fold]")]
    assert options == ["first", "second"]
    moments = {}
    for fold in options:
        page = question.press("Create Session", fragment=fragment, fold=fold)
        for session_id in page.statuses() if fragment else page.follow().statuses():
            moments.setdefault(session_id, clinic.now(session_id).scheduled_start.isoformat())
    assert sorted(moments.values()) == ["2026-10-25T00:30:00+00:00", "2026-10-25T01:30:00+00:00"]


@pytest.mark.parametrize(
    ("start", "moment_"),
    [
        ("2026-10-24T10:00", "2026-10-24T08:00:00+00:00"),
        ("2026-10-25T01:59", "2026-10-24T23:59:00+00:00"),
        ("2026-10-25T03:00", "2026-10-25T02:00:00+00:00"),
        ("2027-03-28T01:59", "2027-03-28T00:59:00+00:00"),
        ("2027-03-28T03:00", "2027-03-28T01:00:00+00:00"),
    ],
)
def test_times_around_a_change_of_the_clocks_mean_what_the_clock_shows(
    dr_grey, visit, clinic, start, moment_
):
    page = fill(dr_grey, visit, True, scheduled_start=start)
    (session_id,) = page.statuses()
    assert clinic.now(session_id).scheduled_start.isoformat() == moment_
    assert start[-5:] in page.session(session_id).get_text()


def test_a_clash_is_a_warning_to_confirm(dr_grey, visit, clinic, fragment):
    fill(dr_grey, clinic.visit(patient="ben"), True, scheduled_start="2026-06-10T10:00")
    page = fill(dr_grey, visit, fragment, status=422, scheduled_start="2026-06-10T09:45")
    assert "You already have a session around this time" in page.text
    assert "10:00: Ben Osei" in page.text
    kept(page, "2026-06-10T09:45")
    page = page.press("Create Session", fragment=fragment, confirm_clash="y")
    page = page if fragment else page.follow()
    assert list(page.statuses().values()) == ["SCHEDULED"]


def test_the_same_time_twice_in_one_visit_is_no_clash_to_confirm_but_refused(dr_grey, visit, fragment):
    fill(dr_grey, visit, fragment)
    page = fill(dr_grey, visit, fragment, status=422)
    page = page.press("Create Session", fragment=fragment, status=422, confirm_clash="y")
    assert "This visit already has a session at this time." in page.text
    kept(page, "2026-06-10T09:30")
    assert len(dr_grey.get(f"/visits/{visit.id}/telemedicine").statuses()) == 1


def test_a_closed_visit_takes_no_session(dr_grey, clinic, fragment):
    closed = clinic.visit(closed=True)
    path = f"/visits/{closed.id}/telemedicine"
    assert "+ Create Session" not in dr_grey.get(path).buttons()
    for page in (
        dr_grey.get(f"{path}/new", fragment=fragment, status=409),
        dr_grey.post(path, {"scheduled_start": "2026-06-10T10:00"}, fragment=fragment, status=409),
    ):
        assert "This visit is closed." in page.text
        assert "Visit closed" in page.text
        assert page.all("[name=scheduled_start]") == []
        assert page.one("#session-form")
    assert dr_grey.get(path).statuses() == {}


def test_a_failed_session_is_created_again_with_what_it_had(app, dr_grey, visit, clinic):
    fill(dr_grey, visit, True)
    install(app, RefusingVideo(app))
    path = f"/visits/{visit.id}/telemedicine"
    page = dr_grey.get(path).press("Start Session", status=502)
    assert list(page.statuses().values()) == ["FAILED"]
    page = dr_grey.get(path)
    assert "The video service refused to open a room." in page.text
    form = page.press("Create again")
    assert form.one("[name=notes]").get_text().removeprefix("\n") == NOTES.strip()
    assert form.one("[name=recording_enabled]").get("checked") is not None
    assert form.one("[name=scheduled_start]").get("value", "") == ""
    page = form.press("Create Session", scheduled_start="2026-06-10T09:30").follow()
    assert sorted(page.statuses().values()) == ["FAILED", "SCHEDULED"]


def test_another_doctors_session_fills_no_form(dr_house, dr_grey, clinic, visit):
    foreign = clinic.session(visit=visit, notes="zqNotes")
    own = clinic.visit("dr_house", "ben")
    form = dr_house.get(f"/visits/{own.id}/telemedicine/new?like={foreign.id}")
    assert "zqNotes" not in form.answer.text
    assert form.one("[name=notes]").get_text(strip=True) == ""
