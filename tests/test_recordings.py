"""Recordings: begun, filled piece by piece, finished, played, deleted."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from support.domain import head, rows, together, told
from support.doubles import install
from support.records import RecordingVideo, fresh_id, made

from telehealth import access, chores, consents, playback, recording_files, recordings, sessions, video
from telehealth.errors import (
    Invalid,
    NotAllowed,
    NotFound,
    OutOfOrder,
    ProviderUnavailable,
    TooLarge,
    WrongState,
)
from telehealth.extensions import db
from telehealth.models import Recording, Session, Status
from telehealth.store import transaction


@pytest.fixture(autouse=True)
def _here(app, inside, moment, tmp_path):
    """Every test is inside the app, at one moment, with a folder of its own."""
    app.config["RECORDINGS"] = tmp_path / "recordings"


@pytest.fixture
def by(dr_grey):
    return dr_grey.actor


@pytest.fixture
def session(clinic, ana):
    """One that runs, and whose patient agreed."""
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    decide(session, True, ana)
    return session


def decide(session, agreed, ana):
    consents.decide(session, agreed, by=ana.actor, video=video.provider())


def begin(session, by, recording_id=None, media_type="video/webm"):
    return recordings.begin(
        session, recording_id or fresh_id(), by=by, media_type=media_type, video=video.provider()
    )


def end(session, by):
    sessions.end(access.load_session(session.id, by=by), by=by, video=video.provider())


def content(recording):
    return recording_files.path(recording).read_bytes()


def running(session, by):
    return recordings.standing(access.load_session(session.id, by=by), video=video.provider()).running


def row():
    (found,) = rows(Recording)
    return found


def test_pieces_become_one_file(session, by):
    since = head()
    recording = made(session, b"one", b"two", b"three", by=by, duration=3)
    assert content(recording) == b"onetwothree"
    found = row()
    assert (found["status"], found["size_bytes"], found["duration_seconds"]) == ("available", 11, 1)
    assert told(since) == ["recording.begin by doctor", "recording.finish by doctor"]
    assert [one.id for one in access.load_session(session.id, by=by).recordings] == [recording.id]


def test_nobody_else_on_the_machine_can_read_it(session, by):
    path = recording_files.path(made(session, b"one", by=by))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.suffix == ".webm"


def test_a_piece_that_comes_again_changes_nothing(session, by):
    recording = made(session, b"one", b"two", by=by)
    assert recordings.add_piece(session, recording, 0, b"xxx", by=by) == 2
    assert recordings.add_piece(session, recording, 1, b"xxx", by=by) == 2
    assert content(recording) == b"onetwo"


def test_a_piece_that_comes_too_early_is_told_which_is_expected(session, by):
    recording = made(session, b"one", by=by)
    with pytest.raises(OutOfOrder) as refused:
        recordings.add_piece(session, recording, 2, b"three", by=by)
    assert refused.value.fields == {"next": ["1"]}
    assert content(recording) == b"one"


def test_the_same_piece_from_several_workers_is_there_once(app, session, by):
    recording = made(session, b"one", by=by)

    def send():
        return recordings.add_piece(session, recording, 1, b"two", by=by)

    assert together(app, [send] * 6) == [2] * 6
    assert content(recording) == b"onetwo"


def test_what_a_worker_that_died_had_written_is_written_over(session, by):
    recording = made(session, b"one", by=by)
    with recording_files.path(recording).open("ab") as file:
        file.write(b"half a pie")
    recordings.add_piece(session, recording, 1, b"two", by=by)
    assert content(recording) == b"onetwo"


@pytest.mark.parametrize(("data", "refusal"), [(b"", Invalid), (bytes(recordings.PIECE_MOST + 1), TooLarge)])
def test_a_piece_is_neither_empty_nor_huge(session, by, data, refusal):
    recording = made(session, by=by)
    with pytest.raises(refusal):
        recordings.add_piece(session, recording, 0, data, by=by)
    assert recordings.add_piece(session, recording, 0, bytes(recordings.PIECE_MOST), by=by) == 1


@pytest.mark.parametrize("decision", [None, False])
def test_without_consent_nothing_begins(clinic, ana, by, decision):
    session = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    if decision is not None:
        decide(session, decision, ana)
    with pytest.raises(WrongState):
        begin(session, by)
    assert rows(Recording) == []


@pytest.mark.parametrize("status", sorted(set(Status.ALL) - {Status.IN_PROGRESS}))
def test_it_begins_during_the_call_alone(clinic, by, status):
    with pytest.raises(WrongState):
        begin(clinic.session(status, recording_enabled=True), by)


def test_it_does_not_begin_where_nobody_wished_for_it(clinic, by):
    with pytest.raises(WrongState):
        begin(clinic.session(Status.IN_PROGRESS), by)


def test_it_does_not_begin_in_a_browser_where_the_service_records(app, session, by):
    install(app, RecordingVideo(app))
    with pytest.raises(WrongState):
        begin(session, by)


def test_once_withdrawn_nothing_more_is_kept_and_what_there_was_can_be_finished(session, ana, by):
    recording = made(session, b"one", by=by)
    decide(session, False, ana)
    with pytest.raises(WrongState):
        recordings.add_piece(session, recording, 1, b"two", by=by)
    with pytest.raises(WrongState):
        begin(session, by)
    assert content(recording) == b"one"
    assert recordings.finish(session, recording, by=by, duration=1).status == "available"


def test_begin_may_be_asked_again(session, by):
    since = head()
    recording_id = fresh_id()
    assert begin(session, by, recording_id).id == begin(session, by, recording_id).id
    assert told(since) == ["recording.begin by doctor"]


def test_an_id_that_is_taken_elsewhere_is_refused(clinic, session, ana, by):
    other = clinic.session(Status.IN_PROGRESS, recording_enabled=True)
    decide(other, True, ana)
    recording = begin(session, by)
    with pytest.raises(WrongState):
        begin(other, by, recording.id)


@pytest.mark.parametrize("kind", ["text/html", "video/x-matroska", "", "../../x"])
def test_other_kinds_of_file_are_refused(session, by, kind):
    with pytest.raises(Invalid):
        begin(session, by, media_type=kind)


@pytest.mark.parametrize("who", ["dr_house", "ana", "ben", "sam"])
def test_nobody_but_the_sessions_doctor_has_to_do_with_it(session, by, person, who):
    recording, other = made(session, b"one", by=by, duration=1), person(who).actor
    since = head()
    for attempt in (
        lambda: begin(session, other),
        lambda: recordings.load(session, recording.id, by=other, action="read"),
        lambda: recordings.add_piece(session, recording, 1, b"two", by=other),
        lambda: recordings.finish(session, recording, by=other, duration=1),
        lambda: recordings.delete(session, recording, by=other, video=video.provider()),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert (content(recording), told(since)) == (b"one", [])


def test_a_recording_is_found_in_its_own_session_alone(clinic, session, by):
    recording, other = made(session, by=by), clinic.session()
    with pytest.raises(NotFound):
        recordings.load(other, recording.id, by=by, action="read")


def test_it_runs_while_pieces_come(session, ana, by, moment):
    assert not running(session, by)
    recording = begin(session, by)
    assert running(session, by)
    moment.shift(recordings.FRESH)
    assert not running(session, by)
    recordings.add_piece(session, recording, 0, b"one", by=by)
    assert running(session, by)
    decide(session, False, ana)
    assert not running(session, by)


def test_it_does_not_run_after_the_end(session, by):
    made(session, b"one", by=by)
    end(session, by)
    assert not running(session, by)


def test_what_is_left_may_arrive_for_a_while_after_the_end(session, by, moment):
    recording = made(session, b"one", by=by)
    end(session, by)
    moment.shift(recordings.LATE)
    assert recordings.add_piece(session, recording, 1, b"two", by=by) == 2
    moment.shift(1)
    with pytest.raises(WrongState):
        recordings.add_piece(session, recording, 2, b"three", by=by)
    with pytest.raises(WrongState):
        recordings.finish(session, recording, by=by, duration=1)
    with pytest.raises(WrongState):
        begin(session, by)


def test_a_recording_whose_page_is_gone_is_finished_by_itself(session, by, moment):
    made(session, b"one", by=by)
    since = head()
    moment.shift(recordings.SILENT)
    chores.run(video=video.provider())
    assert row()["status"] == "processing"
    moment.shift(1)
    chores.run(video=video.provider())
    assert (row()["status"], row()["duration_seconds"]) == ("available", None)
    assert told(since) == ["recording.finish by system"]


def test_a_page_that_was_only_away_goes_on_with_it(session, by, moment):
    recording = made(session, b"one", by=by)
    moment.shift(recordings.SILENT + timedelta(seconds=1))
    chores.run(video=video.provider())
    assert recordings.add_piece(session, recording, 1, b"two", by=by) == 2
    assert row()["status"] == "processing"
    assert recordings.finish(session, recording, by=by, duration=60).duration_seconds == 60


def test_one_of_which_nothing_came_has_failed(session, by, moment):
    begin(session, by)
    moment.shift(recordings.SILENT + timedelta(seconds=1))
    chores.run(video=video.provider())
    assert (row()["status"], row()["failure_reason"]) == (
        "failed",
        "It was stopped before anything was kept.",
    )


def test_several_processes_finish_it_once(app, session, by, moment):
    made(session, b"one", by=by)
    since = head()
    moment.shift(recordings.SILENT + timedelta(seconds=1))
    assert sum(together(app, [recordings.sweep] * 4)) == 1
    assert told(since) == ["recording.finish by system"]


def test_finishing_twice_is_harmless_and_a_duration_cannot_be_longer_than_the_time(session, by, moment):
    recording = made(session, b"one", by=by)
    moment.shift(10)
    recordings.finish(session, recording, by=by, duration=9999)
    since = head()
    recordings.finish(session, recording, by=by, duration=3)
    assert (row()["duration_seconds"], told(since)) == (11, [])


def test_a_finished_one_takes_no_more(session, by):
    recording = made(session, b"one", by=by, duration=1)
    with pytest.raises(WrongState):
        recordings.add_piece(session, recording, 1, b"two", by=by)
    with pytest.raises(WrongState):
        begin(session, by, recording.id)


def test_deleting_removes_the_file_and_leaves_a_trace(session, by):
    recording = made(session, b"one", by=by, duration=1)
    path, since = recording_files.path(recording), head()
    for _ in range(2):
        recordings.delete(session, recording, by=by, video=video.provider())
    assert not path.exists()
    assert (row()["status"], row()["deleted_by_id"]) == ("deleted", by.user_id)
    assert told(since) == ["recording.delete by doctor"]
    assert access.load_session(session.id, by=by).recordings == []


def test_deleting_while_it_is_made_stops_it(session, by):
    recording = made(session, b"one", by=by)
    recordings.delete(session, recording, by=by, video=video.provider())
    with pytest.raises(WrongState):
        recordings.add_piece(session, recording, 1, b"two", by=by)
    assert not recording_files.path(recording).exists()


def test_a_file_that_cannot_be_removed_is_not_called_deleted(session, by, monkeypatch):
    recording = made(session, b"one", by=by, duration=1)
    monkeypatch.setattr(recording_files, "remove", lambda _: (_ for _ in ()).throw(OSError))
    with pytest.raises(OSError):
        recordings.delete(session, recording, by=by, video=video.provider())
    assert row()["status"] == "available"


def test_a_file_that_is_gone_is_told_plainly(session, by):
    recording = made(session, b"one", by=by, duration=1)
    recording_files.path(recording).unlink()
    with pytest.raises(NotFound):
        playback.media(recording, video=video.provider())
    assert (row()["status"], row()["failure_reason"]) == ("failed", "Its file is gone.")
    with pytest.raises(WrongState):
        playback.media(recording, video=video.provider())


def test_a_file_that_is_gone_in_the_middle_takes_no_more(session, by):
    recording = made(session, b"one", by=by)
    recording_files.path(recording).unlink()
    with pytest.raises(WrongState):
        recordings.add_piece(session, recording, 1, b"two", by=by)
    assert row()["status"] == "failed"


def test_the_bytes_are_those_of_the_file(session, by):
    recording = made(session, b"one", b"two", by=by, duration=1)
    found = playback.media(recording, video=video.provider())
    assert isinstance(found, Path)
    assert found.read_bytes() == b"onetwo"


def at_service(session, **more) -> Recording:
    with transaction():
        recording = Recording(
            session_id=session.id,
            carrier="twilio",
            status=Recording.AVAILABLE,
            media_type="video/mp4",
            source_id="source1",
            created_at=session.started_at,
            heard_at=session.started_at,
            **more,
        )
        db.session.add(recording)
    return recording


def test_what_the_service_keeps_is_played_and_deleted_there(app, session, by):
    service = install(app, RecordingVideo(app))
    recording = at_service(session)
    found = playback.media(recording, video=service, byte_range="bytes=0-3")
    assert (found.status, b"".join(found.chunks)) == (206, b"0123456789")
    service.away = True
    with pytest.raises(ProviderUnavailable):
        recordings.delete(session, recording, by=by, video=service)
    assert row()["status"] == "available"
    service.away = False
    recordings.delete(session, recording, by=by, video=service)
    assert service.asked == ["media source1 bytes=0-3", *["erase source1"] * 2]
    assert row()["status"] == "deleted"


def test_what_a_service_kept_that_is_set_up_no_more_is_refused_plainly(session, by):
    recording = at_service(session)
    with pytest.raises(WrongState):
        playback.media(recording, video=video.provider())
    with pytest.raises(WrongState):
        recordings.delete(session, recording, by=by, video=video.provider())
    assert row()["status"] == "available"


def test_opening_is_written_down_once_however_many_parts_are_asked_for(session, by, moment):
    recording, since = made(session, b"one", by=by, duration=1), head()

    def read(**more):
        playback.note_reading(session, recording, by=by, **more)

    read(more=False)
    read(more=True)
    read(more=True, how="downloaded")
    read(more=True, how="downloaded")
    assert told(since) == ["recording.read by doctor"] * 2
    moment.shift(playback.OPENING)
    read(more=True)
    read(more=False)
    assert len(told(since)) == 4


def test_the_sessions_own_clock_decides_and_not_a_stale_object(session, ana, by):
    """The page may have loaded the session before the patient withdrew in another worker."""
    stale = db.session.get(Session, session.id)
    recording = made(session, by=by)
    decide(session, False, ana)
    with pytest.raises(WrongState):
        recordings.add_piece(stale, recording, 0, b"one", by=by)
