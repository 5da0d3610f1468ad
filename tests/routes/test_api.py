"""The JSON API as the contract has it, line by line; every answer is held to the description too."""

import re
from datetime import timedelta

import pytest
from support.doubles import RefusingVideo, SilentVideo, install

from routes.caller import Caller
from telehealth import clock
from telehealth.models import Status
from telehealth.routes import api as routes_api
from telehealth.times import iso

SESSION = {
    *("id", "visit_id", "status", "doctor", "patient", "scheduled_start", "started_at", "ended_at"),
    *("duration_seconds", "recording_enabled", "recordings", "notes", "failure_reason", "actions"),
}
VISIT = {"id", "status", "doctor", "patient", "reason", "opened_at", "closed_at"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

ACTIONS = {
    "dr_grey": {"SCHEDULED": ["start", "cancel"], "IN_PROGRESS": ["join", "end"]},
    "ana": {"SCHEDULED": ["join"], "IN_PROGRESS": ["join"]},
    "sam": {"SCHEDULED": ["cancel"]},
}

WRONG_MOMENT = [
    ("start", "dr_grey", {"IN_PROGRESS", "COMPLETED", "CANCELLED", "FAILED"}),
    ("end", "dr_grey", {"SCHEDULED", "COMPLETED", "CANCELLED", "FAILED"}),
    ("cancel", "dr_grey", {"IN_PROGRESS", "COMPLETED", "CANCELLED", "FAILED"}),
    ("cancel", "sam", {"IN_PROGRESS", "COMPLETED", "CANCELLED", "FAILED"}),
    ("link", "dr_grey", {"COMPLETED", "CANCELLED", "FAILED"}),
    ("link", "sam", {"COMPLETED", "CANCELLED", "FAILED"}),
    ("token", "dr_grey", {"SCHEDULED", "COMPLETED", "CANCELLED", "FAILED"}),
    ("token", "ana", {"COMPLETED", "CANCELLED", "FAILED"}),
]


def soon(**more) -> str:
    return iso(clock.now() + timedelta(**(more or {"hours": 1})))


def test_a_session_holds_what_the_contract_names(api, clinic, dr_grey, ana):
    session = clinic.session("COMPLETED", notes="zqNotes", recording_enabled=True)
    found = api("dr_grey").get(f"/telemedicine/{session.id}/")
    assert set(found) == SESSION
    assert found["doctor"] == {"id": dr_grey.id, "name": "Dr Maria Grey"}
    assert found["patient"] == {"id": ana.id, "name": "Ana Lima"}
    assert (found["id"], found["visit_id"]) == (session.id, session.visit_id)
    assert (found["status"], found["recording_enabled"], found["recordings"]) == ("COMPLETED", True, [])
    assert (found["notes"], found["failure_reason"], found["actions"]) == ("zqNotes", None, [])
    assert found["duration_seconds"] == session.duration_seconds
    for name in ("scheduled_start", "started_at", "ended_at"):
        assert TIME.fullmatch(found[name])


def test_notes_are_the_doctors(api, clinic):
    session = clinic.session(notes="zqNotes")
    for who in ("ana", "sam"):
        assert "notes" not in api(who).get(f"/telemedicine/{session.id}/")
        (listed,) = api(who).get("/telemedicine/")["results"]
        assert set(listed) == SESSION - {"notes"}
    (listed,) = api("dr_grey").get("/telemedicine/")["results"]
    assert listed["notes"] == "zqNotes"
    changed = api("sam").post(f"/telemedicine/{session.id}/cancel/")
    assert "notes" not in changed


@pytest.mark.parametrize("status", Status.ALL)
def test_actions_are_the_steps_this_caller_may_take_now(api, clinic, status):
    session = clinic.session(status)
    for who, expected in ACTIONS.items():
        assert api(who).get(f"/telemedicine/{session.id}/")["actions"] == expected.get(status, []), who


def test_in_a_list_a_session_is_what_it_is_alone(api, person, clinic):
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    for who, steps in {"dr_grey": ["join", "leave", "end"], "ana": ["join", "leave"], "sam": []}.items():
        if steps:
            Caller(person(who), session).enter()
        (listed,) = api(who).get("/telemedicine/")["results"]
        assert listed == api(who).get(f"/telemedicine/{session.id}/")
        assert listed["actions"] == steps


def test_each_sees_their_own_and_staff_all(api, clinic):
    first = clinic.session()
    second = clinic.session(visit=clinic.visit("dr_house", "ben"))
    for who, expected in {
        "dr_grey": [first.id],
        "dr_house": [second.id],
        "ana": [first.id],
        "ben": [second.id],
        "sam": [second.id, first.id],
    }.items():
        found = api(who).get("/telemedicine/")
        assert ([one["id"] for one in found["results"]], found["next"]) == (expected, None)


def test_the_list_is_filtered(api, clinic):
    visit = clinic.visit()
    made = {status: clinic.session(status, visit).id for status in Status.ALL}
    other = clinic.session()
    for status, session_id in made.items():
        found = api("dr_grey").get(f"/telemedicine/?visit_id={visit.id}&status={status}")
        assert [one["id"] for one in found["results"]] == [session_id]
    assert len(api("dr_grey").get(f"/telemedicine/?visit_id={visit.id}")["results"]) == 5
    assert api("ben").get(f"/telemedicine/?visit_id={visit.id}")["results"] == []
    assert api("dr_grey").get("/telemedicine/?visit_id=nothing")["results"] == []
    listed = api("dr_grey").get("/telemedicine/?status=SCHEDULED")["results"]
    assert [one["id"] for one in listed] == [other.id, made["SCHEDULED"]]


def test_the_list_comes_in_pages_newest_first(api, clinic):
    visit = clinic.visit()
    made = [clinic.session(visit=visit).id for _ in range(5)]
    for limit, sizes in ((2, [2, 2, 1]), (5, [5]), (4, [4, 1]), (1, [1] * 5)):
        seen, path = [], f"/telemedicine/?limit={limit}"
        pages = []
        while path:
            found = api("dr_grey").get(path)
            pages.append(len(found["results"]))
            seen += [one["id"] for one in found["results"]]
            path = found["next"] and f"/telemedicine/?limit={limit}&cursor={found['next']}"
        assert (seen, pages) == (made[::-1], sizes)


def test_a_session_made_meanwhile_moves_no_page(api, clinic):
    visit = clinic.visit()
    made = [clinic.session(visit=visit).id for _ in range(3)]
    first = api("dr_grey").get("/telemedicine/?limit=2")
    clinic.session(visit=visit)
    second = api("dr_grey").get(f"/telemedicine/?limit=2&cursor={first['next']}")
    assert [one["id"] for one in second["results"]] == made[:1]
    assert api("ben").get(f"/telemedicine/?cursor={first['next']}")["results"] == []


def test_a_session_is_created(api, clinic):
    visit = clinic.visit()
    sent = {"visit_id": visit.id, "scheduled_start": "2027-06-09T14:30:00.5+02:00", "notes": "zq"}
    answer = api("dr_grey").call("POST", "/telemedicine/", 201, json=sent)
    found = answer.json
    assert set(found) == SESSION | {"warnings"}
    assert (found["status"], found["notes"], found["recording_enabled"]) == ("SCHEDULED", "zq", False)
    assert found["scheduled_start"] == "2027-06-09T12:30:00Z"
    assert (found["started_at"], found["ended_at"], found["warnings"]) == (None, None, [])
    assert answer.headers["Location"] == f"/api/v1/telemedicine/{found['id']}/"
    del found["warnings"]
    assert api("dr_grey").get(f"/telemedicine/{found['id']}/") == found
    assert clinic.history(found["id"])[0] == "session.create"


def test_a_clash_is_no_error_but_a_warning(api, clinic):
    first = clinic.session(visit=clinic.visit(patient="ben"), start=clock.now() + timedelta(hours=3))
    sent = {"visit_id": clinic.visit().id, "scheduled_start": soon(hours=3, minutes=20)}
    found = api("dr_grey").post("/telemedicine/", sent, 201)
    assert found["warnings"] == [{"id": first.id, "scheduled_start": iso(first.scheduled_start)}]


def test_a_session_is_created_by_the_visits_doctor_in_an_open_visit(api, clinic):
    visit, closed = clinic.visit(), clinic.visit(closed=True)
    sent = {"visit_id": visit.id, "scheduled_start": soon()}
    for who, status in (("dr_house", 404), ("ana", 403), ("ben", 404), ("sam", 403)):
        api(who).post("/telemedicine/", sent, status)
    api("dr_grey").post("/telemedicine/", {**sent, "visit_id": "nothing"}, 404)
    refused = api("dr_grey").post("/telemedicine/", {**sent, "visit_id": closed.id}, 409)
    assert refused["error"]["code"] == "wrong_state"
    assert api("sam").get("/telemedicine/")["results"] == []


def test_one_visit_has_one_open_session_at_a_time(api, clinic):
    sent = {"visit_id": clinic.visit().id, "scheduled_start": soon()}
    first = api("dr_grey").post("/telemedicine/", sent, 201)
    refused = api("dr_grey").post("/telemedicine/", sent, 400)
    assert list(refused["error"]["fields"]) == ["scheduled_start"]
    api("dr_grey").post(f"/telemedicine/{first['id']}/cancel/")
    api("dr_grey").post("/telemedicine/", sent, 201)


def test_a_session_goes_its_way(api, clinic):
    session = clinic.session()
    path = f"/telemedicine/{session.id}"
    started = api("dr_grey").post(f"{path}/start/")
    assert (started["status"], started["ended_at"]) == ("IN_PROGRESS", None)
    assert TIME.fullmatch(started["started_at"])
    for who in ("dr_grey", "ana"):
        for _ in range(2):
            left = api(who).post(f"{path}/leave/")
            assert left["status"] == "IN_PROGRESS"
    ended = api("dr_grey").post(f"{path}/end/", {})
    assert ended["status"] == "COMPLETED"
    assert isinstance(ended["duration_seconds"], int)
    for _ in range(2):
        assert api("dr_grey").post(f"{path}/end/", status=409)["error"]["code"] == "wrong_state"
    assert api("dr_grey").get(f"{path}/") == ended
    assert api("ana").post(f"{path}/leave/")["status"] == "COMPLETED"


@pytest.mark.parametrize(("step", "who", "statuses"), WRONG_MOMENT)
def test_a_step_at_the_wrong_moment_changes_nothing(api, clinic, step, who, statuses):
    for status in statuses:
        session = clinic.session(status)
        before = api("sam").get(f"/telemedicine/{session.id}/")
        if step == "token":
            refused = api(who).post("/telemedicine/token/", {"session_id": session.id}, 409)
        else:
            refused = api(who).post(f"/telemedicine/{session.id}/{step}/", status=409)
        assert set(refused["error"]) == {"code", "message"}
        assert refused["error"]["code"] == "wrong_state"
        assert api("sam").get(f"/telemedicine/{session.id}/") == before


def test_a_session_is_cancelled_with_a_reason_or_without(api, clinic):
    for who, body in (("dr_grey", {"reason": "Ana is better"}), ("sam", {}), ("dr_grey", None)):
        session = clinic.session()
        found = api(who).post(f"/telemedicine/{session.id}/cancel/", body)
        assert found["status"] == "CANCELLED"
        assert clinic.now(session).cancel_reason == (body or {}).get("reason", "")


def test_a_ticket_holds_all_a_browser_needs_and_nothing_of_a_person(api, clinic, dr_grey, ana):
    session = clinic.session("IN_PROGRESS")
    tickets = {}
    for who in ("dr_grey", "ana"):
        answer = api(who).call("POST", "/telemedicine/token/", 200, json={"session_id": session.id})
        assert answer.headers["Cache-Control"] == "no-store"
        ticket = tickets[who] = answer.json
        assert ticket["provider"] == "peer"
        assert TIME.fullmatch(ticket["expires_at"])
        assert ticket["url"] == f"/telemedicine/{session.id}/call"
        assert (ticket["ice_servers"], ticket["ice_transport_policy"]) == ([], "all")
        text = answer.text.replace(ticket["url"], "")
        for word in ("Ana", "Lima", "Grey", "@", dr_grey.id, ana.id, session.id, session.visit_id):
            assert word not in text
    assert tickets["ana"]["room"] == tickets["dr_grey"]["room"] == session.room
    assert tickets["ana"]["identity"] != tickets["dr_grey"]["identity"]
    again = api("ana").post("/telemedicine/token/", {"session_id": session.id})
    assert again["identity"] == tickets["ana"]["identity"]
    other = clinic.session("IN_PROGRESS")
    elsewhere = api("ana").post("/telemedicine/token/", {"session_id": other.id})
    assert elsewhere["identity"] != again["identity"]
    assert elsewhere["room"] != again["room"]


def test_a_patient_gets_a_ticket_before_the_start_and_staff_never(api, clinic):
    session = clinic.session()
    api("ana").post("/telemedicine/token/", {"session_id": session.id})
    for status in ("SCHEDULED", "IN_PROGRESS"):
        sent = {"session_id": clinic.session(status).id}
        api("sam").post("/telemedicine/token/", sent, 403)
        api("ben").post("/telemedicine/token/", sent, 404)


def test_the_history_is_for_the_doctor_and_staff(api, clinic):
    session = clinic.session("COMPLETED")
    for who in ("dr_grey", "sam"):
        lines = api(who).get(f"/telemedicine/{session.id}/history/")["results"]
        assert [line["action"] for line in lines] == ["end", "start", "create"]
        assert all(set(line) == {"at", "action", "actor_role", "outcome"} for line in lines)
        assert all(TIME.fullmatch(line["at"]) for line in lines)
    assert api("ana").get(f"/telemedicine/{session.id}/history/", 403)["error"]["code"] == "forbidden"
    lines = api("sam").get(f"/telemedicine/{session.id}/history/")["results"]
    assert (lines[0]["outcome"], lines[0]["actor_role"]) == ("denied", "patient")


def test_a_link_is_made_and_the_one_before_stops(api, clinic, stranger):
    session = clinic.session()
    urls = []
    for who in ("dr_grey", "sam"):
        found = api(who).post(f"/telemedicine/{session.id}/link/", status=201)
        assert set(found) == {"url", "expires_at"}
        assert TIME.fullmatch(found["expires_at"])
        assert found["url"].startswith("http://localhost/join/")
        urls.append(found["url"].removeprefix("http://localhost"))
    stranger.get(urls[0], status=410)
    stranger.get(urls[1])
    assert len(urls[1].rpartition("/")[2]) >= 22


def test_trouble_with_the_video_service(app, api, clinic):
    session = clinic.session()
    path = f"/telemedicine/{session.id}"
    install(app, SilentVideo(app))
    refused = api("dr_grey").post(f"{path}/start/", status=503)
    assert refused["error"]["code"] == "provider_unavailable"
    assert api("dr_grey").get(f"{path}/")["status"] == "SCHEDULED"
    api("ana").post("/telemedicine/token/", {"session_id": session.id}, 503)
    install(app, RefusingVideo(app))
    refused = api("dr_grey").post(f"{path}/start/", status=502)
    assert refused["error"]["code"] == "provider_unavailable"
    found = api("dr_grey").get(f"{path}/")
    assert (found["status"], found["actions"]) == ("FAILED", [])
    assert found["failure_reason"] == "The video service refused to open a room."
    assert clinic.history(session).count("session.fail") == 1


def test_a_session_ends_although_the_video_service_is_out_of_reach(app, api, clinic):
    session = clinic.session("IN_PROGRESS")
    silent = install(app, SilentVideo(app))
    assert api("dr_grey").post(f"/telemedicine/{session.id}/end/")["status"] == "COMPLETED"
    assert silent.asked == ["close_room"]


def test_visits_are_listed_opened_and_closed(api, clinic, ana, dr_grey, dr_house, ben):
    first, closed = clinic.visit(), clinic.visit(closed=True)
    other = clinic.visit("dr_house", "ben")
    for who, expected in {
        "dr_grey": [closed.id, first.id],
        "ana": [closed.id, first.id],
        "ben": [other.id],
        "sam": [other.id, closed.id, first.id],
    }.items():
        found = api(who).get("/visits/")["results"]
        assert [one["id"] for one in found] == expected
        assert all(set(one) == VISIT for one in found)
    assert [one["id"] for one in api("sam").get("/visits/?status=CLOSED")["results"]] == [closed.id]
    found = api("dr_grey").get(f"/visits/{closed.id}/")
    assert (found["status"], found["reason"]) == ("CLOSED", "A cough for two weeks")
    assert found["doctor"] == {"id": dr_grey.id, "name": "Dr Maria Grey"}
    assert found["patient"] == {"id": ana.id, "name": "Ana Lima"}
    assert TIME.fullmatch(found["closed_at"])
    sent = {"patient_id": ben.id, "doctor_id": dr_house.id, "reason": " Ear  ache "}
    answer = api("sam").call("POST", "/visits/", 201, json=sent)
    assert (answer.json["status"], answer.json["reason"], answer.json["closed_at"]) == (
        "OPEN",
        "Ear ache",
        None,
    )
    assert answer.headers["Location"] == f"/api/v1/visits/{answer.json['id']}/"
    api("dr_house").post("/visits/", sent, 201)
    for who in ("dr_grey", "ben", "ana"):
        api(who).post("/visits/", sent, 403)


@pytest.mark.parametrize("status", ["SCHEDULED", "IN_PROGRESS"])
def test_a_visit_closes_once_nothing_is_to_come(api, clinic, status):
    session = clinic.session(status)
    path = f"/visits/{session.visit_id}/close/"
    assert api("dr_grey").post(path, status=409)["error"]["code"] == "wrong_state"
    step = {"SCHEDULED": "cancel", "IN_PROGRESS": "end"}[status]
    api("dr_grey").post(f"/telemedicine/{session.id}/{step}/")
    assert api("sam").post(path)["status"] == "CLOSED"
    api("dr_grey").post(path, status=409)
    sent = {"visit_id": session.visit_id, "scheduled_start": soon()}
    api("dr_grey").post("/telemedicine/", sent, 409)


def test_the_browsers_cookie_serves_as_well(dr_grey, ana, clinic, description):
    session = clinic.session()
    path = f"/telemedicine/{session.id}"
    for visitor, method, where in (
        (dr_grey, "GET", f"{path}/"),
        (dr_grey, "POST", f"{path}/start/"),
        (ana, "GET", "/telemedicine/"),
        (dr_grey, "POST", f"{path}/end/"),
    ):
        answer = visitor.api(method, where)
        assert answer.status_code == 200
        description.check(method, f"/api/v1{where}", answer)


def test_reading_one_record_is_in_the_audit(api, clinic):
    session = clinic.session()
    api("ana").get(f"/telemedicine/{session.id}/")
    api("ana").get("/telemedicine/")
    assert clinic.history(session) == ["session.create", "session.read"]


def test_visits_come_in_pages(api, clinic, moment, monkeypatch):
    monkeypatch.setattr(routes_api, "VISITS_MOST", 2)
    made = [clinic.visit().id for _ in range(3)]
    moment.shift(60)
    made.append(clinic.visit().id)
    first = api("sam").get("/visits/")
    second = api("sam").get(f"/visits/?cursor={first['next']}")
    assert first["results"][0]["id"] == made[-1]
    assert [len(page["results"]) for page in (first, second)] == [2, 2]
    assert {visit["id"] for page in (first, second) for visit in page["results"]} == set(made)
    assert second["next"] is None
    assert api("sam").get("/visits/?cursor=nonsense", 400)["error"]["code"] == "invalid"


@pytest.mark.parametrize("who", ["ana", "sam"])
def test_whose_action_it_is_not_hears_that_before_anything_else(api, clinic, who):
    sent = {"visit_id": clinic.visit().id, "scheduled_start": "2020-01-01T10:00:00Z"}
    api(who).post("/telemedicine/", sent, 403)
    api("dr_grey").post("/telemedicine/", sent, 400)
