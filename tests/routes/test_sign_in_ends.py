"""When a sign-in is over: idle, old, deactivated, another password; and what keeps none alive."""

from datetime import timedelta

import pytest
from support.cast import CAST, PASSWORD, Person
from support.databases import on_sqlite

from routes.caller import Caller

ANOTHER = "seven green bottles on a wall"

IDLE = {"dr_grey": 15, "sam": 15, "ana": 30}
HOME = {"dr_grey": "/visits", "sam": "/visits", "ana": "/patient-portal/dashboard"}

POLLS = {
    "dr_grey": ("/visits/today", "/live"),
    "sam": ("/visits/today", "/live"),
    "ana": ("/patient-portal/next", "/patient-portal/telemedicine/list", "/live"),
}

pytestmark = pytest.mark.usefixtures("streams_end_at_once")


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def for_minutes(number: int, moment, call: Caller, state: str = "connected") -> None:
    """The page of the call says every minute that it is there; nobody touches anything."""
    for _ in range(number):
        moment.shift(minutes(1))
        call.presence(state)


@pytest.mark.parametrize("who", IDLE)
def test_an_idle_sign_in_ends(moment, person, who):
    visitor = person(who)
    visitor.get(HOME[who])
    moment.shift(minutes(IDLE[who] - 1))
    visitor.get(HOME[who])
    moment.shift(minutes(IDLE[who] - 1))
    visitor.get(HOME[who])
    moment.shift(minutes(IDLE[who] + 1))
    page = visitor.get(HOME[who], status=303)
    assert page.location.startswith("/sign-in?next=")


@pytest.mark.parametrize("who", IDLE)
def test_any_sign_in_ends_after_twelve_hours(moment, person, who):
    visitor = person(who)
    visitor.get(HOME[who])
    for _ in range(51):
        moment.shift(minutes(14))
        assert visitor.client.get("/").location == HOME[who]
    moment.shift(minutes(6))
    visitor.get(HOME[who])
    moment.shift(minutes(1))
    visitor.get(HOME[who], status=303)


@pytest.mark.parametrize("who", POLLS)
def test_polls_and_streams_keep_no_sign_in_alive(moment, person, who):
    visitor = person(who)
    visitor.get(HOME[who])
    for _ in range(IDLE[who]):
        moment.shift(minutes(1))
        for path in POLLS[who]:
            assert visitor.client.get(path).status_code == 200
    moment.shift(minutes(1))
    for path in POLLS[who]:
        assert visitor.client.get(path, headers={"HX-Request": "true"}).status_code == 401


def test_the_polls_of_a_visit_and_a_call_keep_no_sign_in_alive(moment, dr_grey, clinic):
    call = Caller(dr_grey, clinic.session("IN_PROGRESS"))
    call.enter()
    polls = (
        f"/visits/{call.session.visit_id}/telemedicine/sessions",
        f"/telemedicine/{call.session.id}/card",
        f"{call.url}/inbox?participant={call.me}&poll=1",
    )
    for _ in range(15):
        moment.shift(minutes(1))
        assert [dr_grey.client.get(path).status_code for path in polls] == [200, 200, 200]
        call.presence("connected")
    moment.shift(minutes(0.5))
    assert dr_grey.client.get("/visits").status_code == 303


def test_a_call_in_progress_is_not_cut_but_the_pages_around_it_are(moment, dr_grey, clinic):
    call = Caller(dr_grey, clinic.session("IN_PROGRESS"))
    call.enter()
    for_minutes(16, moment, call)
    for path in ("/visits", f"/visits/{call.session.visit_id}", "/api/v1/telemedicine/"):
        # Looking at one of them in another tab must not take the call's cookie away.
        assert dr_grey.client.get(path).status_code in (303, 401)
    ended = dr_grey.client.post(f"/api/v1/telemedicine/{call.session.id}/end/", headers=call.csrf)
    assert ended.status_code == 200


@pytest.mark.parametrize("who", ["dr_grey", "ana"])
def test_who_leaves_a_long_call_comes_back_to_the_list(moment, person, clinic, who):
    visitor, session = person(who), clinic.session("IN_PROGRESS")
    call = Caller(visitor, session)
    call.enter()
    for_minutes(40, moment, call)
    visit = f"/visits/{session.visit_id}/telemedicine"
    back = visit if who == "dr_grey" else "/patient-portal/telemedicine"
    visitor.client.post(f"{call.url}/leave", json={"participant": call.me}, headers=call.csrf)
    assert visitor.client.get(back).status_code == 200


def test_the_notes_of_others_stay_shut_behind_a_call_that_runs(moment, dr_grey, clinic):
    session, other = clinic.session("IN_PROGRESS"), clinic.session("SCHEDULED", clinic.visit())
    call = Caller(dr_grey, session)
    call.enter()
    for_minutes(16, moment, call)
    mine, others = (f"/visits/{one.visit_id}/telemedicine" for one in (session, other))
    assert dr_grey.client.get(mine).status_code == 200
    assert dr_grey.client.get(others).status_code == 303
    assert dr_grey.client.get(f"/telemedicine/{other.id}").status_code == 303


def ticket(visitor, session, call):
    """What the page asks for by itself when its line was lost."""
    return visitor.client.post(
        "/api/v1/telemedicine/token/", json={"session_id": session.id}, headers=call.csrf
    )


def test_what_a_call_page_asks_for_by_itself_keeps_no_sign_in_alive(moment, dr_grey, clinic):
    call = Caller(dr_grey, clinic.session("IN_PROGRESS"))
    call.enter()
    for _ in range(16):
        moment.shift(minutes(1))
        call.presence("connected")
        assert ticket(dr_grey, call.session, call).status_code == 200
        again = dr_grey.client.post(f"{call.url}/room", json={"participant": call.me}, headers=call.csrf)
        assert again.status_code == 200
    call.enter()
    assert dr_grey.client.get("/visits").status_code == 303


def test_a_patient_who_waited_long_comes_in_and_their_portal_stays_shut(moment, ana, dr_grey, clinic):
    session = clinic.session()
    call = Caller(ana, session)
    call.enter()
    for_minutes(65, moment, call, state="waiting")
    dr_grey.post(f"/telemedicine/{session.id}/start")
    assert call.enter()
    assert ana.client.get("/patient-portal/dashboard").status_code == 303


@pytest.mark.parametrize("hours", [0, 12])
def test_a_call_that_runs_gives_no_ticket_for_another(moment, dr_grey, clinic, hours):
    session, other = clinic.session("IN_PROGRESS"), clinic.session("IN_PROGRESS", clinic.visit())
    for _ in range(51 if hours else 0):
        dr_grey.get("/", status=303)
        moment.shift(minutes(14))
    call = Caller(dr_grey, session)
    call.enter()
    for_minutes(16, moment, call)
    assert ticket(dr_grey, other, call).status_code == 401
    assert ticket(dr_grey, session, call).status_code == 200
    assert dr_grey.client.get(f"/telemedicine/{other.id}").status_code == 303


def test_the_parts_of_a_page_live_as_long_as_the_page(app, moment, dr_grey, stranger, clinic):
    session = clinic.session("IN_PROGRESS")
    stranger.get(clinic.link(session)).press("Join Session")
    calls = [Caller(stranger, session), Caller(dr_grey, session)]
    for call in calls:
        call.enter()
    for _ in range(35):
        moment.shift(minutes(1))
        for call in calls:
            call.presence("connected")
    dr_grey.client.post(f"/api/v1/telemedicine/{session.id}/end/", headers=calls[1].csrf)
    here, visit = f"/telemedicine/{session.id}", f"/visits/{session.visit_id}/telemedicine"
    for visitor, paths in (
        (stranger, (here, f"{here}/card", f"{here}/history", "/live")),
        (dr_grey, (visit, f"{visit}/sessions", "/live")),
    ):
        assert [visitor.client.get(path).status_code for path in paths] == [200] * len(paths)


@pytest.mark.parametrize("step", ["leave", "end"])
def test_a_button_of_a_page_that_lives_on_works(moment, dr_grey, clinic, step):
    call = Caller(dr_grey, clinic.session("IN_PROGRESS"))
    call.enter()
    for_minutes(16, moment, call)
    page = dr_grey.client.post(
        f"/telemedicine/{call.session.id}/{step}", data={"csrf_token": call.csrf["X-CSRFToken"]}
    )
    assert page.headers["Location"] == f"/visits/{call.session.visit_id}/telemedicine"


def test_a_call_goes_on_after_twelve_hours(moment, dr_grey, clinic):
    session = clinic.session("IN_PROGRESS")
    for _ in range(51):
        assert dr_grey.get("/", status=303).location == "/visits"
        moment.shift(minutes(14))
    call = Caller(dr_grey, session)
    call.enter()
    for_minutes(10, moment, call)
    assert dr_grey.client.get("/visits").status_code == 303


def test_a_call_that_nobody_hears_of_keeps_no_sign_in_alive(moment, dr_grey, clinic):
    call = Caller(dr_grey, clinic.session("IN_PROGRESS"))
    call.enter()
    moment.shift(minutes(16))
    assert dr_grey.client.get(call.url).status_code == 303
    assert dr_grey.client.get(f"{call.url}/inbox?participant={call.me}&poll=1").status_code == 401


def test_a_deactivated_person_is_out_at_once_everywhere(dr_grey, sam):
    dr_grey.get("/visits")
    sam.post(f"/admin/people/{dr_grey.id}/deactivate")
    dr_grey.get("/visits", status=303)
    page = dr_grey.post("/sign-in", _credentials("dr_grey"), status=422)
    assert "Check your email and password" in page.text
    sam.post(f"/admin/people/{dr_grey.id}/activate")
    dr_grey.get("/visits", status=303)
    dr_grey.post("/sign-in", _credentials("dr_grey"))
    dr_grey.get("/visits")


def test_a_new_password_ends_every_sign_in_and_the_old_password(app, dr_grey, sam, stranger):
    dr_grey.get("/visits")
    path = _invite(sam, dr_grey.id)
    dr_grey.get("/visits")
    stranger.get(path).press("Save my password", password=ANOTHER, password_again=ANOTHER)
    dr_grey.get("/visits", status=303)
    stranger.post("/sign-in", _credentials("dr_grey"), status=422)
    stranger.sign_in(CAST["dr_grey"].email, ANOTHER)
    stranger.get("/visits")


def test_an_invitation_works_once(sam, ana, stranger):
    path = _invite(sam, ana.id)
    for _ in range(2):
        page = stranger.get(path)
    page = page.press("Save my password", password=ANOTHER, password_again=ANOTHER)
    assert page.location == "/sign-in"
    assert "Your password is set" in page.follow().text
    for answer in (stranger.get(path, status=410), stranger.post(path, status=410)):
        assert "An invitation works once" in answer.text
        assert ana.name not in answer.text


def test_a_newer_invitation_replaces_the_one_before(sam, ana, stranger):
    first, second = _invite(sam, ana.id), _invite(sam, ana.id)
    stranger.get(first, status=410)
    stranger.get(second)


def test_an_invitation_is_too_old_after_a_week(moment, sam, ana, stranger):
    path = _invite(sam, ana.id)
    moment.shift(timedelta(days=6, hours=23))
    stranger.get(path)
    moment.shift(timedelta(hours=2))
    stranger.get(path, status=410)


def test_an_invitation_of_somebody_deactivated_is_over(sam, ana, stranger):
    path = _invite(sam, ana.id)
    sam.post(f"/admin/people/{ana.id}/deactivate")
    stranger.get(path, status=410)


@on_sqlite
@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("too short", "at least 15"),
        ("x" * 129 + "abcdef", "at most 128"),
        ("aaaaaaaaaaaaaaaaaaaa", "easy to guess"),
        ("ana lima walks by the sea", "your name"),
        ("nul \x00 in the middle of it", "cannot be used"),
    ],
)
def test_a_password_that_cannot_be_used_comes_back_with_a_reason(sam, ana, stranger, password, words):
    path = _invite(sam, ana.id)
    page = stranger.get(path).press(
        "Save my password", status=422, password=password, password_again=password
    )
    assert words in page.text
    assert password not in page.answer.text
    page = page.press("Save my password", status=422, password=ANOTHER, password_again=ANOTHER + "x")
    assert "not the same" in page.text
    page.press("Save my password", password=ANOTHER, password_again=ANOTHER)


def test_whoever_chooses_a_password_is_not_signed_in_by_it(sam, ana, stranger):
    path = _invite(sam, ana.id)
    stranger.get(path).press("Save my password", password=ANOTHER, password_again=ANOTHER)
    assert stranger.client.get_cookie("sign_in") is None


def _invite(sam: Person, user_id: str) -> str:
    page = sam.post(f"/admin/people/{user_id}/invite", status=200)
    url = str(page.one("input[readonly]")["value"])
    assert url.startswith("http://localhost/invitation/")
    return url.removeprefix("http://localhost")


def _credentials(key: str) -> dict[str, str]:
    return {"email": CAST[key].email, "password": PASSWORD}
