"""Recordings over HTTP: the answer of the patient, pieces, playing, deleting, and what pages say."""

import pytest
from support.databases import on_sqlite
from support.doubles import install
from support.records import RecordingVideo, fresh_id, made

from routes.caller import Caller
from telehealth import access, consents, recording_files, recordings, video
from telehealth.models import Recording, Status

PIECE = bytes(range(256)) * 400
"""A hundred kilobytes: more than other bodies may be."""


@pytest.fixture(autouse=True)
def _folder(app, tmp_path):
    app.config["RECORDINGS"] = tmp_path / "recordings"


@pytest.fixture
def session(clinic):
    return clinic.session(Status.IN_PROGRESS, recording_enabled=True)


@pytest.fixture
def agreed(app, session, ana):
    """The session, with the patient's consent."""
    with app.app_context():
        consents.decide(session, True, by=ana.actor, video=video.provider())
    return session


@pytest.fixture
def recording(app, agreed, dr_grey):
    """A finished recording of the session."""
    with app.app_context():
        return made(agreed, PIECE, b"end", by=dr_grey.actor, duration=1)


def post(person, session, path, *, status=200, csrf=True, **body):
    caller = Caller(person, session)
    headers = caller.csrf if csrf else {}
    answer = person.client.post(f"{caller.url}/{path}", headers=headers, **body)
    assert answer.status_code == status, answer.text
    return answer.json


def begin(person, session, status=201, media_type="video/webm"):
    recording_id = fresh_id()
    body = {"id": recording_id, "media_type": media_type}
    post(person, session, "recordings", status=status, json=body)
    return recording_id


def send(person, session, recording_id, number, data, status=200):
    path = f"recordings/{recording_id}/pieces/{number}"
    return post(person, session, path, status=status, data=data, content_type="application/octet-stream")


def media_of(session, recording):
    return f"/telemedicine/{session.id}/recordings/{recording.id}/media"


def fetch(person, path, **headers):
    """The answer, read to its end."""
    person.ensure_signed_in()
    return person.client.get(path, headers=headers, buffered=True)


def readings(clinic, session):
    return clinic.history(session).count("recording.read")


def test_the_patient_answers_and_both_pages_learn_it(dr_grey, ana, session):
    doctor, patient = Caller(dr_grey, session), Caller(ana, session)
    asked = {"wanted": True, "decision": "asked", "running": False, "by": "browser"}
    assert doctor.enter()["recording"] == patient.enter()["recording"] == asked
    found = post(ana, session, "consent", json={"agreed": True})
    assert found == {"recording": {**asked, "decision": "agreed"}}
    assert doctor.presence("connected")["recording"]["decision"] == "agreed"
    begin(dr_grey, session)
    assert patient.presence("connected")["recording"]["running"]
    post(ana, session, "consent", json={"agreed": False})
    assert doctor.presence("connected")["recording"] == {**asked, "decision": "declined"}


def test_the_streams_of_both_pages_hear_of_the_answer(app, ana, session):
    from telehealth import changes

    heard = []
    with changes.kept.connected_to(lambda _, topics: heard.extend(topics)):
        post(ana, session, "consent", json={"agreed": True})
    assert f"session:{session.id}" in heard


@pytest.mark.parametrize("body", [{}, {"agreed": "yes"}, {"agreed": None}, {"agreed": True, "by": "x"}])
def test_an_answer_is_yes_or_no(ana, session, body):
    post(ana, session, "consent", status=400, json=body)


def test_what_the_service_could_not_be_told_is_told_to_the_patient(app, ana, session):
    service = install(app, RecordingVideo(app))
    post(ana, session, "consent", json={"agreed": True})
    service.away = True
    found = post(ana, session, "consent", json={"agreed": False})["recording"]
    assert found == {"wanted": True, "decision": "declined", "running": True, "by": "provider"}


def test_pieces_arrive_and_the_recording_is_finished(app, clinic, dr_grey, agreed):
    recording_id = begin(dr_grey, agreed)
    assert send(dr_grey, agreed, recording_id, 0, PIECE) == {"next": 1}
    assert send(dr_grey, agreed, recording_id, 0, PIECE) == {"next": 1}
    refused = send(dr_grey, agreed, recording_id, 2, b"x", status=409)["error"]
    assert (refused["code"], refused["fields"]) == ("out_of_order", {"next": ["1"]})
    body = {"duration_seconds": 1}
    assert post(dr_grey, agreed, f"recordings/{recording_id}/finish", json=body) == {"status": "available"}
    with app.app_context():
        (found,) = access.load_session(agreed.id, by=dr_grey.actor).recordings
        assert recording_files.path(found).read_bytes() == PIECE


@on_sqlite
def test_a_piece_has_a_limit_of_its_own(dr_grey, agreed):
    recording_id = begin(dr_grey, agreed)
    large = bytes(recordings.PIECE_MOST + 1)
    assert send(dr_grey, agreed, recording_id, 0, large, status=413)["error"]["code"] == "too_large"
    assert send(dr_grey, agreed, recording_id, 0, large[1:]) == {"next": 1}
    post(dr_grey, agreed, "recordings", status=413, data=PIECE, content_type="application/json")


@pytest.mark.parametrize("number", ["-1", "x", "1.5", "٣", "99999999"])
def test_the_number_of_a_piece_is_a_number(dr_grey, agreed, number):
    send(dr_grey, agreed, begin(dr_grey, agreed), number, b"x", status=404)


def test_nothing_of_it_works_without_the_token_of_the_page(app, dr_grey, ana, agreed):
    recording_id = begin(dr_grey, agreed)
    post(ana, agreed, "consent", status=400, csrf=False, json={"agreed": False})
    for path in ("recordings", f"recordings/{recording_id}/pieces/0", f"recordings/{recording_id}/finish"):
        post(dr_grey, agreed, path, status=400, csrf=False, data=b"x")


def test_it_begins_with_consent_alone(dr_grey, session):
    begin(dr_grey, session, status=409)


@on_sqlite
def test_what_cannot_be_kept_is_refused(dr_grey, agreed):
    begin(dr_grey, agreed, status=400, media_type="text/html")
    for recording_id in ("", "../../../../etc/passwd", "A" * 20, "a" * 21):
        body = {"id": recording_id, "media_type": "video/webm"}
        post(dr_grey, agreed, "recordings", status=400, json=body)


def test_a_recording_is_played_in_parts(clinic, dr_grey, agreed, recording):
    path, whole = media_of(agreed, recording), PIECE + b"end"
    part = fetch(dr_grey, path, Range="bytes=10-19")
    assert (part.status_code, part.data) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    rest = fetch(dr_grey, path, Range=f"bytes={len(PIECE)}-")
    assert rest.data == b"end"
    assert fetch(dr_grey, path, Range=f"bytes={len(whole)}-").status_code == 416
    answer = fetch(dr_grey, path)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, whole, "video/webm")
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_its_bytes_are_kept_by_nobody_and_named_without_a_name(dr_grey, agreed, recording):
    for query, how in (("", "inline"), ("?download=1", "attachment")):
        headers = fetch(dr_grey, media_of(agreed, recording) + query).headers
        name = f"recording-{recording.id[:8]}.webm"
        assert headers["Content-Disposition"] == f"{how}; filename={name}"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_an_opening_is_written_down_once_and_bytes_never_without(clinic, dr_grey, agreed, recording):
    path = media_of(agreed, recording)
    fetch(dr_grey, path, Range="bytes=5-")
    assert readings(clinic, agreed) == 1
    dr_grey.get(path.removesuffix("/media"))
    for _ in range(3):
        fetch(dr_grey, path, Range="bytes=0-")
    assert readings(clinic, agreed) == 2
    fetch(dr_grey, path + "?download=1")
    assert readings(clinic, agreed) == 3
    words = dr_grey.get(f"/telemedicine/{agreed.id}/history", fragment=True).text
    assert "Recording downloaded" in words
    assert "Recording opened" in words


def test_what_the_service_keeps_comes_through_us(app, clinic, dr_grey, agreed, recording):
    service = install(app, RecordingVideo(app))
    with app.app_context():
        from telehealth.extensions import db

        row = db.session.get_one(Recording, recording.id)
        row.carrier, row.source_id, row.media_type = "twilio", "source1", "video/mp4"
        db.session.commit()
    answer = fetch(dr_grey, media_of(agreed, recording), Range="bytes=0-")
    assert (answer.status_code, answer.data) == (206, b"0123456789")
    assert service.asked == ["media source1 bytes=0-"]
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_page_plays_it_and_says_honestly_what_it_is(dr_grey, agreed, recording):
    page = dr_grey.get(f"/telemedicine/{agreed.id}/recordings/{recording.id}")
    assert page.one("video[controls]")["src"] == media_of(agreed, recording)
    text = page.one("main").get_text(" ")
    assert "made in the doctor’s browser" in text
    assert "no proof against tampering" in text


def test_the_doctor_deletes_it_after_being_asked(app, clinic, dr_grey, agreed, recording):
    url = f"/telemedicine/{agreed.id}/recordings/{recording.id}"
    page = dr_grey.get(url)
    assert page.button("Delete recording")["data-confirm-no"] == "Keep the recording"
    after = page.press("Delete recording").follow()
    assert "The recording is deleted." in after.one("#flash").get_text(" ")
    assert "Recording deleted" in after.text
    assert "Play recording" not in after.text
    dr_grey.get(url, status=404)
    assert fetch(dr_grey, media_of(agreed, recording)).status_code == 404
    dr_grey.post(f"{url}/delete")
    assert clinic.history(agreed).count("recording.delete") == 1


@pytest.mark.parametrize(("status", "words"), [("processing", "not ready yet"), ("failed", "It broke.")])
def test_one_that_cannot_be_played_says_why(app, dr_grey, agreed, status, words):
    with app.app_context():
        recording = made(agreed, b"one", by=dr_grey.actor)
        if status == "failed":
            from telehealth.store import transaction

            with transaction():
                recording.fail("It broke.")
    page = dr_grey.get(f"/telemedicine/{agreed.id}/recordings/{recording.id}")
    assert words in page.one("main").get_text(" ")
    assert not page.all("video")
    assert fetch(dr_grey, media_of(agreed, recording)).status_code == 409
    assert fetch(dr_grey, media_of(agreed, recording)).mimetype == "text/html"


def fact(page):
    """What the card says of the recording."""
    return next(
        " ".join(term.find_next_sibling("dd").get_text(" ").split())
        for term in page.all(".session-facts dt")
        if term.get_text() == "Recording"
    )


def test_the_card_says_how_it_stands(app, dr_grey, sam, ana, clinic, session):
    path = f"/visits/{session.visit_id}/telemedicine"

    def says():
        card, detail = fact(dr_grey.get(path)), fact(dr_grey.get(f"/telemedicine/{session.id}"))
        assert card == detail
        return card

    def decide(agreed):
        post(ana, session, "consent", json={"agreed": agreed})

    assert says() == "Patient not asked yet"
    decide(False)
    assert says() == "The patient did not agree"
    decide(True)
    assert says() == "The patient agreed"
    with app.app_context():
        recording = made(session, b"one", by=dr_grey.actor)
    assert says() == "Being made"
    dr_grey.post(f"/telemedicine/{session.id}/end")
    assert says() == "Being prepared"
    with app.app_context():
        recordings.finish(session, recording, by=dr_grey.actor, duration=0)
    assert says() == "Play recording (0 seconds)"
    assert fact(sam.get(path)) == "Available to the doctor (0 seconds)"
    with app.app_context():
        recordings.delete(session, recording, by=dr_grey.actor, video=video.provider())
    assert says() == "None was made"


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        (None, "None was made: the patient gave no answer"),
        (False, "None was made: the patient did not agree"),
    ],
)
def test_after_the_end_the_card_says_why_there_is_none(app, dr_grey, ana, session, decision, words):
    if decision is not None:
        post(ana, session, "consent", json={"agreed": decision})
    dr_grey.post(f"/telemedicine/{session.id}/end")
    assert fact(dr_grey.get(f"/visits/{session.visit_id}/telemedicine")) == words


def test_where_nobody_wished_for_it_nothing_speaks_of_it(dr_grey, ana, clinic):
    session = clinic.session(Status.IN_PROGRESS)
    assert fact(dr_grey.get(f"/visits/{session.visit_id}/telemedicine")) == "Off"
    for one in (dr_grey, ana):
        page = one.get(f"/telemedicine/{session.id}/call")
        assert "data-recording" not in page.one("#call").attrs
        assert not page.all('[data-show*="record"], [data-show*="consent"], .recording-badge')


@pytest.mark.parametrize("status", Status.OPEN)
def test_the_patient_is_asked_and_nothing_waits_for_the_answer(ana, clinic, status):
    session = clinic.session(status, recording_enabled=True)
    page = ana.get(f"/telemedicine/{session.id}/call")
    asked = page.all('[data-show="consent-asked"]')
    assert any("You can say no. The visit goes on either way." in one.get_text(" ") for one in asked)
    assert Caller(ana, session).enter()["status"] == status


def test_programs_learn_which_recordings_there_are(api, agreed, recording):
    expected = [{"id": recording.id, "status": "available", "duration_seconds": recording.duration_seconds}]
    for who in ("dr_grey", "ana", "sam"):
        program = api(who)
        found = program.get(f"/telemedicine/{agreed.id}/")
        assert found["recordings"] == expected
        assert program.get("/telemedicine/")["results"][0]["recordings"] == expected
