"""Recordings while they are made: begun, filled piece by piece, finished."""

from datetime import timedelta

import pytest
from support.domain import head, rows, together, told
from support.doubles import install
from support.records import RecordingVideo, decide, fresh_id, made, row

from telehealth import access, chores, recording_files, recordings, sessions, video
from telehealth.errors import Invalid, NotAllowed, OutOfOrder, TooLarge, WrongState
from telehealth.extensions import db
from telehealth.models import Recording, Session, Status


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


def test_pieces_become_one_file(session, by):
    since = head()
    recording = made(session, b"one", b"two", b"three", by=by, duration=3)
    assert content(recording) == b"onetwothree"
    found = row()
    assert (found["status"], found["size_bytes"], found["duration_seconds"]) == ("available", 11, 1)
    assert told(since) == ["recording.begin by doctor", "recording.finish by doctor"]
    assert [one.id for one in access.load_session(session.id, by=by).recordings] == [recording.id]


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


def test_a_file_that_is_gone_in_the_middle_takes_no_more(session, by):
    recording = made(session, b"one", by=by)
    recording_files.path(recording).unlink()
    with pytest.raises(WrongState):
        recordings.add_piece(session, recording, 1, b"two", by=by)
    assert row()["status"] == "failed"


def test_the_sessions_own_clock_decides_and_not_a_stale_object(session, ana, by):
    """The page may have loaded the session before the patient withdrew in another worker."""
    stale = db.session.get(Session, session.id)
    recording = made(session, by=by)
    decide(session, False, ana)
    with pytest.raises(WrongState):
        recordings.add_piece(stale, recording, 0, b"one", by=by)
