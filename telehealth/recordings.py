"""Recordings of calls: begun, filled piece by piece, finished, deleted; the doctor's alone.

A browser that records sends what it has in pieces, in order; a piece may come twice. The session's
row lock keeps two workers apart, and a piece from coming in after the patient withdrew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from sqlalchemy import exists, select

from telehealth import access, clock, compositions, consents, recording_files
from telehealth.access import SYSTEM, Actor
from telehealth.errors import Invalid, NotAllowed, NotFound, OutOfOrder, TooLarge, WrongState
from telehealth.extensions import db
from telehealth.models import Recording, Role, Session, Status
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.video import VideoProvider

PIECE_MOST = 4 * 2**20
FRESH = timedelta(seconds=15)
"""How long after its last piece a recording counts as running."""

LATE = timedelta(minutes=15)
"""How long after the session's end what is left of a recording may still arrive."""

SILENT = timedelta(minutes=3)
"""After how long without a piece a recording is taken as finished; more may come all the same."""


@dataclass(frozen=True)
class Standing:
    """How it stands with the recording of a call. `by`: browser or provider."""

    wanted: bool
    decision: str
    running: bool
    by: str


def standing(session: Session, *, video: VideoProvider) -> Standing:
    """How it stands with the recording of this session now; one statement, or none at all."""
    by = "provider" if video.records else "browser"
    if not session.recording_enabled:
        return Standing(False, consents.ASKED, False, by)
    fresh = exists().where(
        Recording.session_id == session.id,
        Recording.status == Recording.PROCESSING,
        Recording.carrier == Recording.PEER,
        Recording.heard_at > clock.now() - FRESH,
    )
    decision, heard = db.session.execute(select(consents.newest_of(session.id), fresh)).one()
    running = session.recording_on is not False if video.records else bool(decision and heard)
    going_on = session.status == Status.IN_PROGRESS
    return Standing(True, consents.words_of(decision), going_on and running, by)


def load(session: Session, recording_id: str, *, by: Actor, action: str) -> Recording:
    """A recording of this session, deleted ones included, for its doctor. NotAllowed, NotFound."""
    _only_the_doctor(session, action, by=by)
    return _find(session, recording_id)


def begin(
    session: Session, recording_id: str, *, by: Actor, media_type: str, video: VideoProvider
) -> Recording:
    """The doctor's browser begins to record; it chose the id, so that it may safely ask again.

    Raises NotAllowed, Invalid, or WrongState without the patient's consent.
    """
    _only_the_doctor(session, "begin", by=by)
    if media_type not in recording_files.SUFFIXES:
        raise Invalid(fields={"media_type": [_("This kind of recording cannot be kept.")]})
    with transaction():
        session = access.lock_session(session)
        if session.status != Status.IN_PROGRESS or video.records:
            raise WrongState(session=session)
        _check_consent(session)
        recording = db.session.get(Recording, recording_id, populate_existing=True)
        if recording is None:
            recording = Recording(
                id=recording_id,
                session_id=session.id,
                carrier=Recording.PEER,
                status=Recording.PROCESSING,
                media_type=media_type,
                created_at=clock.now(),
                heard_at=clock.now(),
            )
            db.session.add(recording)
            db.session.flush()
            compositions.tell(recording, "begin", by=by)
        elif recording.session_id != session.id or recording.status != Recording.PROCESSING:
            raise WrongState(session=session)
    return recording


def add_piece(session: Session, recording: Recording, number: int, data: bytes, *, by: Actor) -> int:
    """Keep the next piece; returns the number of the one after it. One that is there is fine.

    Raises NotAllowed, Invalid, TooLarge, OutOfOrder, or WrongState when no more of it may be kept.
    """
    _only_the_doctor(session, "add", by=by)
    if len(data) > PIECE_MOST:
        raise TooLarge()
    if not data:
        raise Invalid()
    with transaction():
        session, recording = access.lock_session(session), _find(session, recording.id)
        if number < recording.next_piece:
            return recording.next_piece
        _check_open(session, recording)
        _check_consent(session)
        if number > recording.next_piece:
            raise OutOfOrder(recording.next_piece)
        try:
            recording_files.write(recording, data)
        except recording_files.Lost:
            recording.fail(_("Its file is gone."))
        else:
            recording.size_bytes += len(data)
            recording.next_piece += 1
            recording.heard_at = clock.now()
            recording.status, recording.failure_reason = Recording.PROCESSING, None
    if recording.status == Recording.FAILED:
        raise WrongState(session=session)
    return recording.next_piece


def finish(session: Session, recording: Recording, *, by: Actor, duration: int) -> Recording:
    """The browser has sent all there is; `duration` in seconds. Harmless twice.

    Allowed after the patient withdrew too: what they had agreed to until then is kept.
    """
    _only_the_doctor(session, "finish", by=by)
    with transaction():
        session, recording = access.lock_session(session), _find(session, recording.id)
        if recording.status == Recording.AVAILABLE and recording.duration_seconds is not None:
            return recording
        _check_open(session, recording)
        most = int((clock.now() - recording.created_at).total_seconds()) + 1
        recording.duration_seconds = max(0, min(duration, most))
        _finish(session, recording, by=by)
    return recording


def delete(session: Session, recording: Recording, *, by: Actor, video: VideoProvider) -> None:
    """Delete it for good, at the video service too. Harmless twice.

    Raises NotAllowed, WrongState while the service may still add to it, or what the service raises:
    then it is still there.
    """
    _only_the_doctor(session, "delete", by=by)
    if recording.carrier != Recording.PEER and recording.deleted_at is None:
        if compositions.goes_on(recording):
            raise WrongState(_("End the session first. Then you can delete the recording."), session=session)
        release()
        compositions.keeper(video).erase(recording.source_id or "", recording.room_id or "")
    with transaction():
        session, recording = access.lock_session(session), _find(session, recording.id)
        if recording.deleted_at is not None:
            return
        recording.status, recording.failure_reason = Recording.DELETED, None
        recording.deleted_at, recording.deleted_by_id = clock.now(), by.user_id
        compositions.tell(recording, "delete", by=by)
        if recording.carrier == Recording.PEER:
            recording_files.remove(recording)


def sweep() -> int:
    """Finish the recordings whose page went away without a word. Returns how many."""
    query = select(Recording).where(
        Recording.status == Recording.PROCESSING,
        Recording.carrier == Recording.PEER,
        compositions.unheard(SILENT),
    )
    count = 0
    for recording in db.session.scalars(query).all():
        with transaction():
            session = access.lock_session(db.session.get_one(Session, recording.session_id))
            now = _find(session, recording.id)
            if now.status == Recording.PROCESSING and abs(clock.now() - now.heard_at) > SILENT:
                _finish(session, now, by=SYSTEM)
                count += 1
    return count


def _only_the_doctor(session: Session, action: str, *, by: Actor) -> None:
    if access.relation(by, session) != Role.DOCTOR:
        raise NotAllowed(action=f"recording.{action}", object_type="session", object_id=session.id)


def _find(session: Session, recording_id: str) -> Recording:
    query = select(Recording).where(Recording.id == recording_id, Recording.session_id == session.id)
    recording = db.session.scalar(query.execution_options(populate_existing=True))
    if recording is None:
        raise NotFound()
    return recording


def _check_consent(session: Session) -> None:
    if not session.recording_enabled or not consents.newest(session.id):
        raise WrongState(_("The patient has not agreed to a recording."), session=session)


def _check_open(session: Session, recording: Recording) -> None:
    """One that our own sweep finished may go on: its page was only away for a while."""
    finished = recording.finished_at is not None and recording.duration_seconds is not None
    over = session.ended_at is not None and clock.now() > session.ended_at + LATE
    if over or finished or recording.deleted_at is not None or recording.carrier != Recording.PEER:
        raise WrongState(_("No more of this recording can be kept."), session=session)


def _finish(session: Session, recording: Recording, *, by: Actor) -> None:
    recording.finished_at = clock.now()
    recording.status, recording.failure_reason = Recording.AVAILABLE, None
    if not recording.size_bytes:
        recording.fail(_("It was stopped before anything was kept."))
    compositions.tell(recording, "finish", by=by)
