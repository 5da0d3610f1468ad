"""The call's own endpoints: coming in, being heard of, passing messages on, going away."""

import re
from datetime import timedelta

import pytest
from support.databases import on_sqlite
from support.domain import page_id
from support.pages import Visitor

from routes.caller import OFFER, Caller
from telehealth import limits
from telehealth.extensions import db
from telehealth.models import Signal


@pytest.fixture
def running(clinic):
    return clinic.session("IN_PROGRESS")


@pytest.fixture
def grey(dr_grey, running) -> Caller:
    """The doctor's page, in the call."""
    caller = Caller(dr_grey, running)
    caller.enter()
    return caller


@pytest.fixture
def pat(ana, running, grey) -> Caller:
    """The patient's page, in the call, after the doctor's."""
    caller = Caller(ana, running)
    caller.enter()
    return caller


def test_a_patient_waits_and_comes_in_with_the_same_id(dr_grey, ana, clinic):
    session = clinic.session()
    patient = Caller(ana, session)
    found = patient.enter()
    me = {"id": patient.me, "role": "patient", "name": "Ana Lima"}
    assert (found["status"], found["cursor"], found["participants"]) == ("SCHEDULED", 0, [])
    assert found["me"].items() >= me.items()
    dr_grey.post(f"/telemedicine/{session.id}/start")
    assert patient.presence("waiting")["status"] == "IN_PROGRESS"
    doctor = Caller(dr_grey, session)
    assert doctor.enter()["participants"] == []
    found = patient.enter()
    (other,) = found["participants"]
    assert re.fullmatch("[0-9a-f]{32}", other.pop("identity"))
    assert other == {"id": doctor.me, "role": "doctor", "name": "Dr Maria Grey"}
    (event,) = doctor.events()
    assert event["data"].pop("identity") == found["me"]["identity"]
    assert event["type"] == "participant-joined"
    assert event["data"] == me
    assert patient.kinds() == []


def test_coming_in_again_with_the_same_id_changes_nothing(grey, pat):
    before = grey.events()
    assert pat.enter()["participants"][0]["id"] == grey.me
    assert grey.events() == before


def test_the_doctor_starts_before_coming_in(dr_grey, clinic):
    caller = Caller(dr_grey, clinic.session())
    assert caller.say("enter", 403, token="x") == "forbidden"
    answer = dr_grey.api("POST", "/telemedicine/token/", json={"session_id": caller.session.id})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "wrong_state")


def test_nobody_comes_in_after_the_end(dr_grey, ana, grey, pat, running):
    tickets = {caller: caller.ticket() for caller in (grey, pat)}
    assert dr_grey.api("POST", f"/telemedicine/{running.id}/end/").status_code == 200
    for caller, ticket in tickets.items():
        again = Caller(caller.visitor, running)
        assert again.say("enter", 409, token=ticket) == "wrong_state"
        found = caller.presence("connected")
        assert (found["status"], found["participants"]) == ("COMPLETED", [])
        assert found["duration_seconds"] >= 0
        assert caller.leave() == {}
    assert grey.signal(pat.me, status=410) == "gone"


def test_a_newer_page_of_the_same_person_takes_over(ana, grey, pat, running):
    newer = Caller(ana, running)
    assert [one["id"] for one in newer.enter()["participants"]] == [grey.me]
    for refused in (
        pat.enter(410),
        pat.presence("connected", 410),
        pat.signal(grey.me, status=410),
        pat.events(status=410),
    ):
        assert refused == "replaced"
    assert pat.leave() == {}
    assert newer.presence("connected")["participants"] == [grey.me, newer.me]
    joined = [event["data"]["id"] for event in grey.events() if event["type"] == "participant-joined"]
    assert joined == [pat.me, newer.me]
    assert {event["data"]["id"] for event in grey.events() if event["type"] == "participant-left"} <= {pat.me}


def test_another_device_by_link_takes_over_too(app, grey, pat, running, clinic):
    phone = Visitor(app.test_client())
    phone.get(clinic.link(running)).press("Join Session")
    newer = Caller(phone, running)
    newer.enter()
    assert pat.presence("connected", 410) == "replaced"
    newer.signal(grey.me)
    assert grey.events()[-1]["data"]["from"] == newer.me


def test_messages_arrive_in_order_and_once(grey, pat):
    bodies = [
        OFFER,
        {"candidate": {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 0}},
        {"candidate": None},
        {"restart": True},
    ]
    for number, body in enumerate(bodies):
        assert pat.signal(grey.me, body, str(number)) == {}
        pat.signal(grey.me, {"restart": True}, str(number))
    events = [event for event in grey.events() if event["type"] == "signal"]
    assert [event["data"]["body"] for event in events] == bodies
    assert [event["data"]["id"] for event in events] == ["0", "1", "2", "3"]
    assert {event["data"]["from"] for event in events} == {pat.me}
    numbers = [event["seq"] for event in grey.events()]
    assert numbers == sorted(set(numbers))
    assert grey.events(after=numbers[-2]) == grey.events()[-1:]
    assert pat.events() == []


def test_a_stream_that_broke_goes_on_where_it_was(dr_grey, grey, pat):
    last = grey.events()[-1]["seq"]
    pat.signal(grey.me)
    for header, count in ((str(last), 1), (str(last + 1), 0), ("x", 2), ("", 2), ("-1", 2), ("9" * 30, 2)):
        path = f"{grey.url}/inbox?participant={grey.me}&poll=1"
        answer = dr_grey.client.get(path, headers={"Last-Event-ID": header})
        assert len(answer.json["events"]) == count, header


def test_nobody_speaks_with_the_id_of_somebody_else(dr_grey, ana, ben, grey, pat, running):
    thief = Caller(ana, running, me=grey.me)
    for refused in (
        thief.enter(404),
        thief.presence("connected", 404),
        thief.signal(pat.me, status=404),
        thief.leave(404),
        thief.events(status=404),
    ):
        assert refused == "not_found"
    assert grey.presence("connected")["participants"] == [grey.me, pat.me]


def test_nobody_speaks_into_another_session(dr_grey, ana, clinic, grey, pat):
    other = clinic.session("IN_PROGRESS", visit=clinic.visit())
    elsewhere = Caller(dr_grey, other)
    elsewhere.enter()
    assert elsewhere.signal(pat.me, status=400) == "invalid"
    same_id = Caller(dr_grey, other, me=grey.me)
    assert same_id.enter(404) == "not_found"
    assert same_id.signal(elsewhere.me, status=404) == "not_found"
    assert elsewhere.signal(page_id(), status=400) == "invalid"
    assert pat.kinds() == []


@pytest.mark.parametrize("whose", ["session", "person", "nobody", "old"])
def test_a_ticket_is_good_for_one_person_in_one_session(moment, dr_grey, ana, clinic, running, whose):
    caller = Caller(dr_grey, running)
    ticket = {
        "session": lambda: Caller(dr_grey, clinic.session("IN_PROGRESS")).ticket(),
        "person": lambda: Caller(ana, running).ticket(),
        "nobody": lambda: "eyJhIjoxfQ.Zm9v.YmFy",
        "old": caller.ticket,
    }[whose]()
    if whose == "old":
        for _ in range(20):
            moment.shift(timedelta(minutes=13))
            dr_grey.client.get("/")
    assert caller.enter(403, token=ticket) == "forbidden"


def test_whoever_left_is_gone_and_comes_in_with_a_new_id(dr_grey, grey, pat, running):
    assert grey.leave() == {}
    assert grey.leave() == {}
    for refused in (grey.presence("connected", 410), grey.signal(pat.me, status=410), grey.enter(410)):
        assert refused == "gone"
    assert grey.events(status=410) == "gone"
    assert pat.events()[-1]["type"] == "participant-left"
    assert pat.events()[-1]["data"]["id"] == grey.me
    again = Caller(dr_grey, running)
    assert [one["id"] for one in again.enter()["participants"]] == [pat.me]
    assert pat.kinds() == ["participant-left", "participant-joined"]
    assert Caller(dr_grey, running).presence("connected", 410) == "gone"


def test_joining_and_leaving_mean_the_media_not_the_page(clinic, grey, pat, running):
    assert clinic.history(running)[-1] == "session.token"
    for state in ("connecting", "connected", "reconnecting", "connected"):
        grey.presence(state)
    pat.presence("connecting")
    assert clinic.history(running).count("session.join") == 1
    pat.leave()
    assert "session.leave" not in clinic.history(running)
    grey.leave()
    assert clinic.history(running)[-1] == "session.leave"


def test_leaving_by_the_api_steps_out_with_every_page(dr_grey, grey, pat, running, clinic):
    grey.presence("connected")
    for _ in range(2):
        assert dr_grey.api("POST", f"/telemedicine/{running.id}/leave/").status_code == 200
    assert grey.presence("connected", 410) == "gone"
    assert clinic.history(running).count("session.leave") == 1
    assert pat.presence("connected")["participants"] == [pat.me]


def test_signals_are_forgotten_when_the_session_is_over(app, dr_grey, grey, pat, running):
    pat.signal(grey.me)
    dr_grey.post(f"/telemedicine/{running.id}/end")
    with app.app_context():
        assert db.session.query(Signal).count() == 0


GOOD = "a" * 24
MESSAGE = {"to": GOOD, "id": "1", "body": OFFER}
BAD_BODIES = [
    ("enter", {}),
    ("enter", {"participant": GOOD, "token": 5}),
    ("enter", {"participant": GOOD, "token": "x", "role": "doctor"}),
    ("enter", {"participant": GOOD, "token": "x", "room": "mine"}),
    ("enter", {"participant": "short", "token": "x"}),
    ("enter", {"participant": "A" * 24, "token": "x"}),
    ("enter", {"participant": GOOD + "\n", "token": "x"}),
    ("enter", {"participant": "a" * 33, "token": "x"}),
    ("enter", {"participant": None, "token": "x"}),
    ("enter", {"participant": GOOD, "token": "x\x00"}),
    ("enter", {"participant": GOOD, "offer": "v=0"}),
    ("enter", {"participant": GOOD, "offer": {"type": "x", "sdp": "v=0"}}),
    ("enter", {"participant": GOOD, "offer": {"type": "offer", "sdp": "x" * 40_001}}),
    ("enter", {"participant": GOOD, "offer": {"type": "offer", "sdp": "v=0", "to": GOOD}}),
    ("enter", [GOOD]),
    ("signal", {"participant": GOOD, "messages": []}),
    ("signal", {"participant": GOOD, "messages": [MESSAGE] * 51}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "from": "b" * 24}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "id": ""}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "id": 1}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "to": "*"}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "body": {"mute": True}}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "body": "text"}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "body": {"description": {"type": "x"}}}]}),
    ("signal", {"participant": GOOD, "messages": [{**MESSAGE, "body": {"candidate": {"more": 1}}}]}),
    ("presence", {"participant": GOOD}),
    ("presence", {"participant": GOOD, "state": "left"}),
    ("presence", {"participant": GOOD, "state": ["connected"]}),
    ("leave", {"participant": GOOD, "user": "x"}),
    ("leave", {}),
]


@on_sqlite
@pytest.mark.parametrize(("what", "body"), BAD_BODIES)
def test_a_body_that_is_not_as_agreed_is_refused(dr_grey, running, clinic, what, body):
    caller = Caller(dr_grey, running)
    answer = dr_grey.client.post(f"{caller.url}/{what}", json=body, headers=caller.csrf)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")
    assert answer.json["error"]["fields"]


@on_sqlite
def test_what_is_no_json_or_too_much_of_it_is_refused(dr_grey, grey, running):
    path = f"{grey.url}/signal"
    for raw, kind, status in (
        (b"{", "application/json", 400),
        (b'{"participant": "a", "participant": "b"}', "application/json", 400),
        (b"participant=a", "application/x-www-form-urlencoded", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b"", "application/json", 400),
        (b"[" * 100 + b"]" * 100, "application/json", 400),
        (b'"' + b"x" * 66_000 + b'"', "application/json", 413),
    ):
        answer = dr_grey.client.post(path, data=raw, content_type=kind, headers=grey.csrf)
        assert answer.status_code == status, raw[:40]
        assert answer.json["error"]["code"] == {400: "invalid", 413: "too_large"}[status]
    long = {"description": {"type": "offer", "sdp": "x" * 40_001}}
    assert grey.signal(GOOD, long, status=400) == "invalid"


@on_sqlite
@pytest.mark.parametrize(
    "query",
    [
        {},
        {"participant": "x"},
        {"participant": GOOD, "after": "-1"},
        {"participant": GOOD, "after": "x"},
        {"participant": GOOD, "after": "9" * 30},
        {"participant": GOOD, "poll": "2"},
        {"participant": GOOD, "more": "1"},
        {"participant": [GOOD, GOOD]},
    ],
)
def test_an_inbox_is_asked_for_as_agreed(dr_grey, grey, query):
    query = {"participant": grey.me, **query} if query.get("participant") == GOOD else query
    answer = dr_grey.client.get(f"{grey.url}/inbox", query_string=query)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid")


def test_nothing_of_a_call_works_without_the_token_of_the_page(grey, pat, running, clinic):
    pat.csrf = {}
    for refused in (
        pat.enter(400),
        pat.presence("connected", 400),
        pat.signal(grey.me, status=400),
        pat.leave(400),
    ):
        assert refused == "invalid"


def test_nobody_fills_the_database_with_entrances_and_messages(monkeypatch, ana, grey, pat, running):
    monkeypatch.setattr(limits, "ENTRANCES", 3)
    monkeypatch.setattr(limits, "SIGNALS", 2)
    pages = [Caller(ana, running) for _ in range(3)]
    assert pages[0].say("enter")["status"] == "IN_PROGRESS"
    mine = pages[1]
    mine.say("enter")
    assert pages[2].say("enter", 429) == "too_many_requests"
    assert [mine.signal(grey.me, number="1"), mine.signal(grey.me, number="2")] == [{}, {}]
    assert mine.signal(grey.me, number="3", status=429) == "too_many_requests"
    assert grey.kinds().count("signal") == 2
    # The other one of the call, and what keeps this one in it, know nothing of that.
    assert grey.signal(mine.me) == {}
    grey.enter()
    assert mine.presence("connected")["participants"] == [grey.me, mine.me]
