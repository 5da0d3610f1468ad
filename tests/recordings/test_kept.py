"""Recordings that are kept: whose they are, how they are played, and how they are deleted."""

import stat
from pathlib import Path

import pytest
from support.domain import head, told
from support.doubles import install
from support.records import RecordingVideo, made, row

from telehealth import access, playback, recording_files, recordings, video
from telehealth.errors import NotFound, ProviderUnavailable, WrongState
from telehealth.extensions import db
from telehealth.models import Recording
from telehealth.store import transaction


def test_nobody_else_on_the_machine_can_read_it(session, by):
    path = recording_files.path(made(session, b"one", by=by))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.suffix == ".webm"


def test_a_recording_is_found_in_its_own_session_alone(clinic, session, by):
    recording, other = made(session, by=by), clinic.session()
    with pytest.raises(NotFound):
        recordings.load(other, recording.id, by=by, action="read")


def test_the_bytes_are_those_of_the_file(session, by):
    recording = made(session, b"one", b"two", by=by, duration=1)
    found = playback.media(recording, video=video.provider())
    assert isinstance(found, Path)
    assert found.read_bytes() == b"onetwo"


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


def test_a_file_that_is_gone_is_told_plainly(session, by):
    recording = made(session, b"one", by=by, duration=1)
    recording_files.path(recording).unlink()
    with pytest.raises(NotFound):
        playback.media(recording, video=video.provider())
    assert (row()["status"], row()["failure_reason"]) == ("failed", "Its file is gone.")
    with pytest.raises(WrongState):
        playback.media(recording, video=video.provider())


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
