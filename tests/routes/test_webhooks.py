"""What Twilio tells by calling: believed when it is signed and looks as it should, harmless in any case."""

import json
import random
import string
from collections import Counter
from itertools import pairwise

import pytest
import requests
from doubles.twilio import sign
from support import apps
from support.databases import on_sqlite
from support.domain import rows

from telehealth.models import Attendance, AuditEntry, Participation, Room, Session, Status

pytestmark = pytest.mark.twilio

PATH = "/webhooks/twilio/room"
URL = f"http://localhost{PATH}"
FORM = "application/x-www-form-urlencoded"
KEPT = (Room, Attendance, Participation, AuditEntry, Session)


@pytest.fixture
def session(clinic):
    return clinic.session(Status.IN_PROGRESS)


@pytest.fixture
def joined(twilio, rooms, session, ana):
    """What Twilio tells when Ana has come in."""
    rooms.come_in(session, ana.id)
    return twilio.parameters(
        "participant-connected", rooms.of(session)[0].sid, rooms.identity(session, ana.id)
    )


@pytest.fixture
def send(app, twilio):
    """Posts pairs as a signed form, as another machine would: no cookie, no token of a page."""

    def send(pairs, signature=None, *, path=PATH, url=URL, client=None, headers=(), **more):
        pairs = list(pairs.items()) if isinstance(pairs, dict) else pairs
        given = twilio.sign(url, pairs) if signature is None else signature
        body = requests.models.RequestEncodingMixin._encode_params(pairs)
        sent = {"X-Twilio-Signature": given, **dict(headers)} if given else dict(headers)
        client = client or app.test_client(use_cookies=False)
        return client.post(path, data=body, content_type=FORM, headers=sent, **more).status_code

    return send


@pytest.fixture
def state(app):
    """All that a callback could have changed."""

    def state():
        with app.app_context():
            return {model.__tablename__: rows(model) for model in KEPT}

    return state


def attendances(app):
    with app.app_context():
        return rows(Attendance)


def test_somebody_who_came_in_is_known_to_be_there(app, send, joined, session, ana, clinic):
    assert send(joined) == 204
    (stay,) = attendances(app)
    assert (stay["user_id"], stay["provider_id"], stay["left_at"]) == (ana.id, joined["ParticipantSid"], None)
    assert clinic.history(session)[-1] == "session.join"


def test_the_same_call_a_second_time_changes_nothing(send, joined, state):
    send(joined)
    before = state()
    assert [send(joined) for _ in range(3)] == [204] * 3
    assert state() == before


@on_sqlite
@pytest.mark.parametrize(
    "signature",
    ["", " ", "x", "=" * 28, "é", "A" * 4000, "null", "\tb"],
    ids=["none", "blank", "short", "padding", "not ascii", "long", "word", "tab"],
)
def test_without_its_signature_nothing_is_believed(app, joined, state, signature):
    before = state()
    headers = {"X-Twilio-Signature": signature.encode().decode("latin-1")} if signature else {}
    answer = app.test_client().post(PATH, data=joined, headers=headers)
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")
    assert state() == before


@on_sqlite
def test_a_signature_is_good_for_one_account_one_address_and_one_form(send, twilio, joined, state):
    before = state()
    other = "AC" + "9" * 32
    assert send(joined, sign("9" * 32, URL, joined)) == 403
    assert send(joined, sign(twilio.api_secret, URL, joined)) == 403
    assert send({**joined, "AccountSid": other}) == 403
    assert send({**joined, "RoomStatus": "completed"}, twilio.sign(URL, joined)) == 403
    for elsewhere in (
        f"https://localhost{PATH}",
        "http://localhost/webhooks/twilio/rooms",
        f"http://clinic.example{PATH}",
        f"{URL}?x=1",
    ):
        assert send(joined, url=elsewhere) == 403
    assert send(joined, twilio.sign(URL, joined), path=f"{PATH}?x=1") == 403
    assert state() == before


@on_sqlite
def test_the_address_is_signed_with_its_query_and_with_or_without_its_port(send, joined):
    assert send(joined, path=f"{PATH}?a=1&b=%20", url=f"{URL}?a=1&b=%20") == 204
    assert send(joined, url=f"http://localhost:80{PATH}") == 204


@on_sqlite
def test_the_old_auth_token_counts_while_both_are_set(database_url, twilio, send, joined):
    new, old = "1" * 32, "2" * 32
    app = apps.make_app(database_url, **{**twilio.settings, "TWILIO_AUTH_TOKEN": f"{new}, {old}"})
    client = app.test_client()
    assert send(joined, sign(new, URL, joined), client=client) == 204
    assert send(joined, sign(old, URL, joined), client=client) == 204
    assert send(joined, sign(twilio.auth_token, URL, joined), client=client) == 403
    assert send(joined, sign(f"{new}, {old}", URL, joined), client=client) == 403
    apps.close(app)


@on_sqlite
def test_behind_a_proxy_with_tls_the_public_address_is_what_is_signed(database_url, twilio, send, joined):
    public = "https://visit.clinic.example"
    app = apps.make_app(database_url, **twilio.settings, PUBLIC_URL=public, TRUSTED_PROXIES="1")
    more = {
        "client": app.test_client(),
        "headers": {
            "Host": "visit.clinic.example",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": "192.0.2.1",
        },
    }
    assert send(joined, url=f"{public}{PATH}", **more) == 204
    assert send(joined, url=f"{public}:443{PATH}", **more) == 204
    assert send(joined, url=f"http://visit.clinic.example{PATH}", **more) == 403
    more["headers"] |= {"X-Forwarded-Host": "evil.example", "X-Original-URL": "/elsewhere"}
    assert send(joined, url=f"{public}{PATH}", **more) == 204
    assert send(joined, url=f"https://evil.example{PATH}", **more) == 403
    apps.close(app)


def shifted(pairs, name, after):
    """The same text to sign, with the pair `after` swallowed by the value of `name` before it."""
    form = dict(pairs)
    form[name] += after + form.pop(after)
    return form


@on_sqlite
def test_one_signature_does_not_fit_a_form_whose_boundaries_were_shifted(send, twilio, joined, state):
    before, good = state(), twilio.sign(URL, joined)
    names = sorted(joined)
    forms = [shifted(joined, one, next_) for one, next_ in pairwise(names)]
    for name in names:
        value = joined[name]
        forms.append({**{k: v for k, v in joined.items() if k != name}, name + value[:2]: value[2:]})
        forms.append({**{k: v for k, v in joined.items() if k != name}, name[:-1]: name[-1] + value})
    fitting = [form for form in forms if twilio.sign(URL, form) == good]
    assert len(fitting) > len(names), "no form shares the signature: this test tests nothing"
    assert {send(form, good) for form in fitting} == {400}
    assert {send(form) for form in forms} <= {400, 403}
    assert state() == before


@on_sqlite
def test_a_form_that_twilio_would_not_send_is_refused(send, joined, state):
    before = state()
    without = [{k: v for k, v in joined.items() if k != name} for name in joined]
    needed = {"AccountSid", "RoomSid", "RoomName", "StatusCallbackEvent", "Timestamp"}
    needed |= {"ParticipantSid", "ParticipantIdentity"}
    for form in without:
        if needed - form.keys():
            assert send(form) == 400, sorted(joined.keys() - form.keys())
    pairs = list(joined.items())
    for twice in pairs:
        assert send([*pairs, twice], signature=None) in (400, 403)
    double = [*pairs, ("RoomSid", joined["RoomSid"])]
    assert send(double, sign("b" * 32, URL, joined)) == 400, "a doubled field was taken"
    assert send({**joined, "Admin": "1"}) == 400
    assert send({**joined, "": ""}) == 400
    assert state() == before


WRONG = {
    "RoomName": ["", "n" * 129, "a b", "a/b", "é", "a\x00", "a\n"],
    "RoomSid": ["", "RM", "RM" + "g" * 32, "RM" + "A" * 32, "PA" + "0" * 32, "RM" + "0" * 33],
    "ParticipantSid": ["", "RM" + "0" * 32, "PA" + "0" * 31],
    "ParticipantIdentity": ["", "Ana Lima", "a" * 129, "a\x00b", "<script>"],
    "StatusCallbackEvent": ["", "a" * 41, "room ended", "room-ended\n"],
    "SequenceNumber": ["-1", "1e5", "9" * 13, "١", "1.", "٣.٣"],
    "ParticipantDuration": ["9" * 13, "-1", "", "NaN", "inf", "999999999999"],
    "RoomStatus": ["in progress", "x" * 41],
    "Timestamp": [
        "",
        "now",
        "2026-02-30T10:00:00Z",
        "2026-06-09T25:00:00Z",
        "2026-06-09 12:00:00",
        "2026-06-09T12:00:00",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2026-06-09T12:00:00+99:99",
        "２０２６-06-09T12:00:00Z",
    ],
}


@on_sqlite
@pytest.mark.parametrize("name", WRONG)
def test_a_field_that_looks_wrong_is_refused_although_it_is_signed(send, joined, state, name):
    before = state()
    for value in WRONG[name]:
        for event in ("participant-connected", "participant-disconnected", "room-ended"):
            form = {**joined, "StatusCallbackEvent": event, name: value}
            assert send(form) == 400, (value, event)
    assert state() == before


@on_sqlite
def test_times_may_come_with_any_number_of_decimals(app, send, joined):
    for decimals in ("", ".1", ".123456", ".123456789"):
        assert send({**joined, "Timestamp": f"2026-06-09T12:00:00{decimals}Z"}) == 204


@on_sqlite
def test_a_body_that_is_no_form_is_refused(app, send, twilio, joined, state):
    before, client = state(), app.test_client()
    bare = {"X-Twilio-Signature": twilio.sign(URL, {})}
    assert client.post(PATH, headers=bare).status_code == 400
    assert client.post(PATH, json=joined, headers=bare).status_code == 400
    assert client.post(PATH, data=b"\xff\x00%zz=&&==", content_type=FORM).status_code == 403
    for kind in ("text/plain", "application/octet-stream", "multipart/form-data; boundary=x", "", "é/é"):
        answer = client.post(PATH, data=json.dumps(joined), content_type=kind, headers=bare)
        assert answer.status_code == 400, kind
    assert send({**joined, "TrackName": "x" * 70_000}) == 413
    assert send([(f"n{number}", "") for number in range(2000)]) in (400, 413)
    assert state() == before


@on_sqlite
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_only_a_post_is_heard(app, twilio, joined, method):
    headers = {"X-Twilio-Signature": twilio.sign(URL, joined)}
    answer = app.test_client().open(PATH, method=method, query_string=joined, headers=headers)
    assert answer.status_code == 405


@on_sqlite
@pytest.mark.parametrize("query", ["\xff", "a=%ff%00", "a=\xc3", "%", "=&=&;;", "[", "a" * 1500])
@pytest.mark.parametrize(
    "path", [PATH, "/webhooks/twilio/r%C3%A9", "/webhooks/twilio/%ff", "/webhooks/twilio/a%20b"]
)
def test_an_odd_address_is_no_fault(app, joined, path, query):
    answer = app.test_client().post(
        path, data=joined, headers={"X-Twilio-Signature": "x"}, environ_overrides={"QUERY_STRING": query}
    )
    assert answer.status_code in (400, 403)


@on_sqlite
@pytest.mark.parametrize("path", ["/sign-in", "/visits", "/api/v1/visits/", "/nowhere", "/static/app.js"])
def test_an_odd_query_is_no_fault_anywhere(app, path):
    for method in ("GET", "POST"):
        answer = app.test_client().open(path, method=method, environ_overrides={"QUERY_STRING": "a=\xff"})
        assert answer.status_code in (400, 404, 405), answer.text


@on_sqlite
def test_what_concerns_another_room_changes_nothing(send, twilio, rooms, clinic, session, joined, state):
    other = clinic.session(Status.IN_PROGRESS, doctor="dr_house", visit=clinic.visit("dr_house", "ben"))
    ours, theirs = rooms.of(session)[0], rooms.of(other)[0]
    before = state()
    assert send({**joined, "RoomSid": theirs.sid}) == 204
    assert send({**joined, "RoomName": theirs.name}) == 204
    assert send({**joined, "RoomSid": "RM" + "0" * 32}) == 204
    ended = twilio.parameters("room-ended", ours.sid)
    assert send({**ended, "RoomSid": theirs.sid}) == 204
    assert send({**ended, "RoomName": theirs.name}) == 204
    stranger = twilio.parameters("participant-connected", ours.sid, "0" * 32)
    assert send(stranger) == 204
    assert state() == before


@on_sqlite
def test_what_we_do_not_know_or_need_is_heard_and_ignored(send, twilio, rooms, session, joined, state):
    sid, before = rooms.of(session)[0].sid, state()
    track = {"TrackSid": "MT" + "0" * 32, "TrackKind": "audio", "TrackName": "é <b>"}
    for event in ("room-created", "track-added", "recording-started", "room-transcribed"):
        assert send({**twilio.parameters("room-created", sid), "StatusCallbackEvent": event}) == 204
        assert send({**joined, **track, "StatusCallbackEvent": event}) == 204
    assert state() == before


@on_sqlite
def test_a_cookie_gives_no_power_here(app, send, joined, sam, dr_grey, state):
    for somebody in (sam, dr_grey):
        somebody.get("/sign-out")
    before = state()
    for somebody in (sam, dr_grey):
        csrf = {"X-CSRFToken": somebody.csrf_token()}
        assert somebody.client.post(PATH, data=joined, headers=csrf).status_code == 403
    assert state() == before
    assert send(joined, client=sam.client) == 204, "a call with a cookie is as good as one without"


@on_sqlite
def test_a_clinic_without_twilio_hears_nothing_from_it(database_url, joined, twilio):
    app = apps.make_app(database_url)
    headers = {"X-Twilio-Signature": twilio.sign(URL, joined)}
    assert app.test_client().post(PATH, data=joined, headers=headers).status_code == 404
    apps.close(app)


@on_sqlite
def test_nothing_that_is_signed_ends_in_a_fault(send, twilio, rooms, session, joined, caplog):
    chance = random.Random(7)
    left = {**joined, "StatusCallbackEvent": "participant-disconnected", "ParticipantDuration": "3"}
    ended = twilio.parameters("room-ended", rooms.of(session)[0].sid)
    texts = ["", "0", "-1", "9" * 12, "\x00", "é", "x" * 600, "%00", "RM" + "0" * 32, "1969-12-31T23:59:59Z"]
    answers = Counter()
    for _ in range(300):
        form = dict(chance.choice([joined, left, ended]))
        for _ in range(chance.randint(1, 3)):
            name = chance.choice(
                [*form, "Size", "Duration", "CompositionSid", chance.choice(string.printable)]
            )
            if chance.random() < 0.3:
                form.pop(name, None)
            else:
                form[name] = chance.choice([*texts, *form.values()])
        answers[send(form)] += 1
    assert answers.keys() <= {204, 400, 403}, answers
    assert answers[204] > 10
    assert "fault in" not in caplog.text


def test_a_hundred_copies_at_once_over_two_workers_have_one_effect(
    database_url, tmp_path, twilio, twilio_settings, app, clinic, rooms, session, joined, ana, state
):
    from support.server import Server

    left = {**joined, "StatusCallbackEvent": "participant-disconnected", "ParticipantStatus": "disconnected"}
    left["ParticipantDuration"] = "1"
    ended = twilio.parameters("room-ended", rooms.of(session)[0].sid)
    server = Server(tmp_path, database_url, **twilio_settings)
    server.start()
    try:
        url = f"{server.url}{PATH}"
        begin = len(clinic.history(session))
        assert Counter(twilio.call_back(url, *[joined] * 100)) == {204: 100}
        assert clinic.history(session)[begin:] == ["session.join"]
        assert Counter(twilio.call_back(url, *[left, ended] * 50)) == {204: 100}
        assert sorted(clinic.history(session)[begin:]) == ["session.join", "session.leave"]
    finally:
        server.stop()
    ((stay,), (room,)) = (state()[name] for name in ("attendances", "rooms"))
    assert (stay["user_id"], stay["joined_told"], stay["left_told"]) == (ana.id, True, True)
    assert room["closed_at"] is not None
