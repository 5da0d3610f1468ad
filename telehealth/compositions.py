"""Recordings that the video service makes by itself: expected, asked for when the room is over, followed.

It tells us when one is ready; what it does not tell, `follow` asks for.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, select, update

from telehealth import audit, changes, clock, signals
from telehealth.access import SYSTEM, Actor
from telehealth.errors import ProviderRefused, ProviderUnavailable, WrongState
from telehealth.extensions import db
from telehealth.models import Recording, Room, Session
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.video import Happening, RecordingProvider, VideoProvider

log = logging.getLogger(__name__)

PAUSE = timedelta(seconds=20)
"""How long to wait before the service is asked again about one recording."""

HOPE = timedelta(days=2)
"""After how long without success one is given up."""


def expect(session_id: str, carrier: str) -> None:
    """The service records in the session's present room from now on; in the transaction at hand."""
    room = db.session.scalar(
        select(Room).where(Room.session_id == session_id).order_by(Room.opened_at.desc()).limit(1)
    )
    if room is None or _of_room(room.provider_id) is not None:
        return
    now = clock.now()
    recording = Recording(
        session_id=session_id,
        carrier=carrier,
        room_id=room.provider_id,
        status=Recording.PROCESSING,
        media_type="video/mp4",
        created_at=now,
        heard_at=now,
    )
    db.session.add(recording)
    db.session.flush()
    tell(recording, "begin", by=SYSTEM, reason="asked for")


def heard(event: Happening) -> None:
    """The service told that a recording is ready, or never will be. What we did not ask for is ignored."""
    with transaction():
        query = select(Recording).where(Recording.source_id == event.recording_id)
        recording = db.session.scalar(query)
        if recording is None:
            log.info("ignored: %s of a recording that is none of ours", event.kind)
            return
        seconds = int(event.seconds) if event.seconds is not None else None
        _settle(recording.id, ready=event.kind == event.RECORDED, seconds=seconds)


def follow(*, video: VideoProvider) -> int:
    """Ask for what is due, and about what was asked for. Returns how many recordings got further."""
    if not video.records:
        return 0
    query = select(Recording.id).where(
        Recording.status == Recording.PROCESSING, Recording.carrier == video.name
    )
    ids = db.session.scalars(query.where(unheard(PAUSE))).all()
    return sum(_go_on(recording_id, keeper(video)) for recording_id in ids)


def unheard(span: timedelta) -> ColumnElement[bool]:
    """Whether nothing was heard of it for so long; what was heard at a time to come, a wrong clock told."""
    now = clock.now()
    return ~Recording.heard_at.between(now - span, now + span)


def goes_on(recording: Recording) -> bool:
    """Whether the room that it is made of is open still."""
    room = select(Room.id).where(Room.provider_id == recording.room_id, Room.closed_at.is_(None))
    return db.session.scalar(room) is not None


def keeper(video: VideoProvider) -> RecordingProvider:
    """The video service, as the one that keeps what it recorded. WrongState where it is set up no more."""
    if not video.records:
        raise WrongState(_("The video service that keeps this recording is not set up any more."))
    return cast("RecordingProvider", video)


def _go_on(recording_id: str, video: RecordingProvider) -> bool:
    if not _claim(recording_id):
        return False
    recording = db.session.get_one(Recording, recording_id, populate_existing=True)
    room_id, source_id = recording.room_id or "", recording.source_id
    ended_at = db.session.scalar(select(Room.closed_at).where(Room.provider_id == room_id))
    if ended_at is None:
        return False
    release()
    try:
        if source_id is None:
            return _ask_for(recording_id, room_id, ended_at, video)
        found = video.recorded(source_id)
    except (ProviderRefused, ProviderUnavailable) as trouble:
        log.warning("recording %s: asked in vain (%s)", recording_id, type(trouble).__name__)
        return _give_up(recording_id, ended_at)
    if found.state == found.COMING:
        return _give_up(recording_id, ended_at)
    with transaction():
        return _settle(recording_id, ready=found.state == found.READY, seconds=found.seconds)


def _ask_for(recording_id: str, room_id: str, ended_at: datetime, video: RecordingProvider) -> bool:
    """The room is over: have one file made of it."""
    source_id = video.compose(room_id)
    if source_id is None:
        # Its tracks may be told of a little later than its end.
        if clock.now() < ended_at + 3 * PAUSE:
            return False
        with transaction():
            return _settle(recording_id, ready=False, why=_("Nobody was recorded before the call was over."))
    with transaction():
        kept = db.session.execute(
            update(Recording)
            .where(
                Recording.id == recording_id,
                Recording.source_id.is_(None),
                Recording.status == Recording.PROCESSING,
            )
            .values(source_id=source_id)
            .execution_options(synchronize_session="fetch")
        )
    if not kept.rowcount:  # type: ignore[attr-defined]
        # It was deleted while it was being asked for.
        video.erase(source_id, room_id)
    return True


def _claim(recording_id: str) -> bool:
    """Whether this one is ours to ask about now: several processes do this."""
    with transaction():
        now = clock.now()
        claimed = db.session.execute(
            update(Recording)
            .where(Recording.id == recording_id, unheard(PAUSE))
            .values(heard_at=now)
            .execution_options(synchronize_session="fetch")
        )
    return bool(claimed.rowcount)  # type: ignore[attr-defined]


def _give_up(recording_id: str, ended_at: datetime) -> bool:
    if clock.now() < ended_at + HOPE:
        return False
    with transaction():
        return _settle(recording_id, ready=False)


def _settle(recording_id: str, *, ready: bool, seconds: int | None = None, why: str = "") -> bool:
    """It is there, or it never will be. What was settled or deleted before stays as it is."""
    recording = db.session.get_one(Recording, recording_id)
    signals.lock(recording.session_id)
    db.session.refresh(recording)
    if recording.status != Recording.PROCESSING:
        return False
    if ready:
        recording.status, recording.finished_at = Recording.AVAILABLE, clock.now()
        recording.duration_seconds = seconds
    else:
        recording.fail(why or _("The video service could not make it."))
    tell(recording, "finish", by=SYSTEM, reason="ready" if ready else "failed")
    return True


def _of_room(room_id: str) -> Recording | None:
    query = select(Recording).where(Recording.room_id == room_id, Recording.status != Recording.DELETED)
    return db.session.scalar(query.limit(1))


def tell(recording: Recording, action: str, *, by: Actor, reason: str = "") -> None:
    """Write down what became of a recording, in the transaction at hand, and let open pages know."""
    audit.record(
        f"recording.{action}",
        by=by,
        object_type="session",
        object_id=recording.session_id,
        reason=reason,
        detail={"recording": recording.id},
    )
    changes.announce(*changes.about(db.session.get_one(Session, recording.session_id)))
