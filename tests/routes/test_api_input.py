"""What the JSON API takes and what it refuses: strict, and never with a fault."""

import base64
import io
import json
from datetime import timedelta

import pytest
from support.databases import on_sqlite

from telehealth import clock
from telehealth.times import iso

GOOD_TIME = "2027-06-09T14:30:00+02:00"
LONG = "x" * 6000

BAD_TIMES = (
    "2027-06-09T14:30:00",
    "2027-06-09",
    "2027-06-09 14:30:00+02:00",
    "14:30:00Z",
    "1812549000",
    1812549000,
    1812549000.5,
    True,
    None,
    [],
    {},
    "",
    "2027-02-30T10:00:00Z",
    "2027-06-09T25:00:00Z",
    "2027-06-09T14:30:00+25:00",
    "2027-06-09T14:30:00 Z",
    "20270609T143000Z",
    "2027-W23-3T10:00:00Z",
    "٢٠٢٧-06-09T14:30:00Z",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2027-06-09T14:30:00.0000000001Z",
    "2020-06-09T14:30:00Z",
    "2999-06-09T14:30:00Z",
)

GOOD_TIMES = {
    "2027-06-09T14:30:00Z": "2027-06-09T14:30:00Z",
    "2027-06-09t14:30:00z": "2027-06-09T14:30:00Z",
    "2027-06-09T14:30Z": "2027-06-09T14:30:00Z",
    "2027-06-09T14:30:00.123456789Z": "2027-06-09T14:30:00Z",
    "2027-06-09T14:30:00+05:30": "2027-06-09T09:00:00Z",
    "2027-06-09T00:30:00+14:00": "2027-06-08T10:30:00Z",
    "2027-06-09T23:30:00-12:00": "2027-06-10T11:30:00Z",
}

BAD_BODIES = {
    "no JSON": "{",
    "nothing": "",
    "a list": "[]",
    "a text": '"visit_id"',
    "a number": "5",
    "null": "null",
    "a key twice": '{"visit_id": "%s", "visit_id": "%s", "scheduled_start": "%s"}',
    "a key twice deep inside": '{"visit_id": "%s", "notes": {"a": 1, "a": 2}, "scheduled_start": "%s"}',
    "NaN": '{"visit_id": "%s", "notes": NaN, "scheduled_start": "%s"}',
    "Infinity": '{"visit_id": "%s", "notes": -Infinity, "scheduled_start": "%s"}',
    "too deep": '{"visit_id": "%s", "notes": ' + "[" * 21 + "]" * 21 + ', "scheduled_start": "%s"}',
    "far too deep": "[" * 20_000 + "]" * 20_000,
    "a comment": '{"visit_id": "%s" /* mine */, "scheduled_start": "%s"}',
    "a comma too many": '{"visit_id": "%s", "scheduled_start": "%s",}',
    "two documents": "{} {}",
}


@pytest.fixture
def post(api, clinic):
    """Posts a new session of an open visit, with some fields changed; returns the error's fields."""
    visit = clinic.visit()

    def send(expected: int = 400, /, **changed):
        sent = {"visit_id": visit.id, "scheduled_start": GOOD_TIME, **changed}
        sent = {key: value for key, value in sent.items() if value != "left out"}
        found = api("dr_grey").post("/telemedicine/", sent, expected)
        return found["error"].get("fields") if expected >= 400 else found

    return send


@on_sqlite
@pytest.mark.parametrize("start", BAD_TIMES)
def test_a_time_that_is_none_is_refused(post, start):
    assert list(post(scheduled_start=start)) == ["scheduled_start"]


@on_sqlite
@pytest.mark.parametrize("start", GOOD_TIMES)
def test_a_time_may_carry_any_offset(post, start):
    assert post(201, scheduled_start=start)["scheduled_start"] == GOOD_TIMES[start]


@on_sqlite
def test_five_minutes_of_grace(post):
    now = clock.now()
    assert list(post(scheduled_start=iso(now - timedelta(minutes=6)))) == ["scheduled_start"]
    post(201, scheduled_start=iso(now - timedelta(minutes=4)))


@on_sqlite
@pytest.mark.parametrize(
    "field",
    [
        *("id", "status", "doctor", "patient", "doctor_id", "patient_id", "room", "started_at", "ended_at"),
        *("duration_seconds", "recordings", "actions", "failure_reason", "warnings", "number", "", "Notes"),
    ],
)
def test_unknown_and_read_only_fields_are_refused(api, post, field):
    assert list(post(**{field: "SCHEDULED"})) == [field or "body"]
    assert api("dr_grey").get("/telemedicine/")["results"] == []


@on_sqlite
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("visit_id", "left out"),
        ("visit_id", 5),
        ("visit_id", None),
        ("visit_id", "x" * 41),
        ("visit_id", "a\x00b"),
        ("visit_id", "\ud800"),
        ("scheduled_start", "left out"),
        ("recording_enabled", "yes"),
        ("recording_enabled", 1),
        ("recording_enabled", None),
        ("notes", 5),
        ("notes", None),
        ("notes", ["text"]),
        ("notes", "x" * 5001),
        ("notes", "NUL \x00"),
        ("notes", "half \udc00"),
        ("notes", "half \ud83e"),
    ],
)
def test_a_field_of_the_wrong_shape_is_named(post, field, value):
    assert list(post(**{field: value})) == [field]


def test_what_people_write_is_kept_as_it_is(post):
    for number, notes in enumerate(("🩺 „Hals“", "<b>&amp;</b>", "a\tb\r\nc", "x" * 5000, "\u202eabc", "")):
        start = iso(clock.now() + timedelta(days=1, hours=number))
        assert post(201, notes=notes, scheduled_start=start)["notes"] == notes


@on_sqlite
@pytest.mark.parametrize("name", BAD_BODIES)
def test_json_that_parsers_disagree_about_is_refused(api, clinic, name):
    raw = BAD_BODIES[name]
    visit = clinic.visit()
    if "%s" in raw:
        raw = raw % ((visit.id,) * (raw.count("%s") - 1) + (GOOD_TIME,))
    answer = api("dr_grey").call(
        "POST", "/telemedicine/", 400, data=raw.encode(), content_type="application/json"
    )
    assert answer.json["error"]["code"] == "invalid"
    assert api("dr_grey").get("/telemedicine/")["results"] == []


@on_sqlite
def test_bytes_that_are_no_utf_8_are_refused(api):
    for raw in (b'{"visit_id": "\xff"}', b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"\x00"):
        api("dr_grey").call("POST", "/telemedicine/", 400, data=raw, content_type="application/json")


@on_sqlite
@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"],
)
def test_a_body_of_another_kind_is_refused_and_never_ignored(api, dr_grey, clinic, kind):
    session = clinic.session()
    raw = json.dumps({"reason": "zq"}).encode()
    path = f"/telemedicine/{session.id}/cancel/"
    api("dr_grey").call("POST", path, 400, data=raw, content_type=kind)
    answer = dr_grey.api("POST", path, data=raw, content_type=kind)
    assert answer.status_code == 400
    form = dr_grey.api("POST", path, data={"reason": "zq", "more": "1"})
    assert form.status_code == 400
    in_pieces = dr_grey.api(
        "POST",
        path,
        input_stream=io.BytesIO(b"reason=zq&more=1"),
        content_type="application/x-www-form-urlencoded",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert in_pieces.status_code == 400
    assert clinic.now(session).status == "SCHEDULED"


@on_sqlite
def test_a_body_where_none_is_wanted_is_refused(api, clinic):
    session = clinic.session("IN_PROGRESS")
    path = f"/telemedicine/{session.id}/end/"
    refused = api("dr_grey").post(path, {"force": True}, 400)
    assert list(refused["error"]["fields"]) == ["force"]
    api("dr_grey").post(path, [], 400)
    assert clinic.now(session).status == "IN_PROGRESS"
    api("dr_grey").post(path, {}, 200)


@on_sqlite
def test_more_than_64_kilobytes_are_too_large(api):
    sent = {"visit_id": "x", "scheduled_start": GOOD_TIME, "notes": "x" * 66_000}
    refused = api("dr_grey").post("/telemedicine/", sent, 413)
    assert refused["error"]["code"] == "too_large"


@on_sqlite
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=scheduled", "status"),
        ("status=OPEN", "status"),
        ("status=SCHEDULED&status=FAILED", "status"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=x", "limit"),
        ("limit=1.5", "limit"),
        ("limit=" + "9" * 30, "limit"),
        ("page=2", "page"),
        ("Status=FAILED", "Status"),
        ("visit_id=" + "x" * 41, "visit_id"),
        ("visit_id=x&visit_id=y", "visit_id"),
        ("cursor=x", "cursor"),
        ("cursor=" + "A" * 201, "cursor"),
    ],
)
def test_a_query_is_as_strict_as_a_body(api, query, field):
    refused = api("dr_grey").get(f"/telemedicine/?{query}", 400)
    assert list(refused["error"]["fields"]) == [field]


@on_sqlite
def test_an_empty_parameter_is_none(api, clinic):
    session = clinic.session()
    found = api("dr_grey").get("/telemedicine/?status=&visit_id=&limit=&cursor=")
    assert [one["id"] for one in found["results"]] == [session.id]


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "2027-06-09T14:30:00+00:00",
        "2027-06-09T14:30:00 abc",
        "2027-06-09T14:30:00+00:00 a\x00b",
        "2027-06-09T14:30:00+00:00 ' OR 1=1 --",
        "2027-06-09T14:30:00+00:00 a b",
        "0001-01-01T00:00:00+14:00 " + "a" * 20,
        "9999-12-31T23:59:59-14:00 " + "a" * 20,
        "soon " + "a" * 20,
    ],
)
def test_a_cursor_that_is_not_ours_is_refused(api, clinic, text):
    clinic.session()
    cursor = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    refused = api("dr_grey").get(f"/telemedicine/?cursor={cursor}", 400)
    assert list(refused["error"]["fields"]) == ["cursor"]


@on_sqlite
@pytest.mark.parametrize("cursor", ["%ff", "é", "A", "====", "AAAA", "-_-_", "%00"])
def test_a_cursor_that_is_no_text_is_refused(api, cursor):
    api("dr_grey").get(f"/telemedicine/?cursor={cursor}", 400)


@on_sqlite
def test_other_calls_are_strict_too(api, clinic, ana, dr_grey):
    session = clinic.session()
    doctor = api("dr_grey")
    for path, sent, fields in (
        ("/telemedicine/token/", {}, ["session_id"]),
        ("/telemedicine/token/", {"session_id": session.id, "room": "mine"}, ["room"]),
        ("/telemedicine/token/", {"session_id": session.id, "identity": "me"}, ["identity"]),
        (f"/telemedicine/{session.id}/cancel/", {"reason": "x" * 501}, ["reason"]),
        (f"/telemedicine/{session.id}/cancel/", {"reason": None}, ["reason"]),
        (f"/telemedicine/{session.id}/cancel/", {"why": ""}, ["why"]),
        (f"/telemedicine/{session.id}/start/", {"at": GOOD_TIME}, ["at"]),
        (f"/telemedicine/{session.id}/link/", {"expires_at": GOOD_TIME}, ["expires_at"]),
        ("/visits/", {"patient_id": ana.id, "doctor_id": dr_grey.id}, ["reason"]),
        ("/visits/", {"patient_id": ana.id, "doctor_id": dr_grey.id, "reason": "  "}, ["reason"]),
        ("/visits/", {"patient_id": dr_grey.id, "doctor_id": dr_grey.id, "reason": "x"}, ["patient_id"]),
        ("/visits/", {"patient_id": "nobody", "doctor_id": dr_grey.id, "reason": "x"}, ["patient_id"]),
        (f"/visits/{session.visit_id}/close/", {"status": "CLOSED"}, ["status"]),
    ):
        refused = doctor.post(path, sent, 400)
        assert list(refused["error"]["fields"]) == fields, path
        assert refused["error"]["code"] == "invalid"
    for path in (f"/telemedicine/{session.id}/?notes=1", "/visits/?limit=1", "/visits/?status=open"):
        doctor.get(path, 400)
    assert clinic.now(session).status == "SCHEDULED"


@on_sqlite
def test_what_was_sent_is_not_repeated_in_an_error(post, api):
    answer = api("dr_grey").call(
        "POST", "/telemedicine/", 400, json={"visit_id": 5, "notes": ["zqNotes"], "scheduled_start": "zqTime"}
    )
    assert "zq" not in answer.text


@on_sqlite
def test_a_path_without_its_last_slash_leads_to_the_one_with(app, api, clinic):
    session = clinic.session()
    program = api("dr_grey")
    headers = {"Authorization": f"Bearer {program.token}"}
    for path in ("/telemedicine", f"/telemedicine/{session.id}", "/visits", f"/visits/{session.visit_id}"):
        answer = program.client.get(f"/api/v1{path}", headers=headers)
        assert answer.status_code in (301, 308)
        assert answer.headers["Location"].endswith(f"/api/v1{path}/")
    answer = program.client.post(f"/api/v1/telemedicine/{session.id}/start", headers=headers)
    assert answer.status_code in (307, 308)
    assert clinic.now(session).status == "SCHEDULED"
