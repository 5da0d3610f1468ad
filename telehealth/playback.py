"""Playing a recording: its bytes, from a file of ours or from the video service; every opening is audited."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flask_babel import gettext as _
from sqlalchemy import select

from telehealth import audit, clock, compositions, recording_files
from telehealth.access import Actor
from telehealth.errors import NotFound, WrongState
from telehealth.extensions import db
from telehealth.models import AuditEntry, Recording, Session
from telehealth.store import release, transaction

if TYPE_CHECKING:
    from telehealth.video import Media, VideoProvider

OPENING = timedelta(hours=1)
"""How long a player may ask for more of what was opened, before that counts as opening it again."""


def media(recording: Recording, *, video: VideoProvider, byte_range: str | None = None) -> Path | Media:
    """Its bytes: a file of ours, or what the video service has of it.

    `byte_range` is what the browser asked for in `Range`. Raises WrongState for one that cannot be
    played, and what the service raises.
    """
    if recording.status != Recording.AVAILABLE:
        raise WrongState(_("This recording cannot be played."))
    if recording.carrier != Recording.PEER:
        release()
        return compositions.keeper(video).media(recording.source_id or "", byte_range)
    if not is_there(recording):
        raise NotFound()
    return recording_files.path(recording)


def is_there(recording: Recording) -> bool:
    """Whether it can be played; one whose file is gone is marked as failed."""
    gone = recording.status == Recording.AVAILABLE and recording.carrier == Recording.PEER
    if gone and not recording_files.is_whole(recording):
        with transaction():
            db.session.refresh(recording)
            if recording.status == Recording.AVAILABLE:
                recording.fail(_("Its file is gone."))
    return recording.status == Recording.AVAILABLE


def note_reading(session: Session, recording: Recording, *, by: Actor, how: str = "", more: bool) -> None:
    """Write down that it was opened; `more`: a player goes on with what it opened within the hour."""
    detail = {"recording": recording.id}
    if more and _opened_lately(session, recording, by=by, how=how):
        return
    audit.record(
        "recording.read", by=by, object_type="session", object_id=session.id, reason=how, detail=detail
    )


def _opened_lately(session: Session, recording: Recording, *, by: Actor, how: str) -> bool:
    query = select(AuditEntry.id).where(
        AuditEntry.object_type == "session",
        AuditEntry.object_id == session.id,
        AuditEntry.actor_id == by.user_id,
        AuditEntry.action == "recording.read",
        AuditEntry.reason == how,
        AuditEntry.detail == json.dumps({"recording": recording.id}),
        AuditEntry.at > clock.now() - OPENING,
    )
    return db.session.scalar(query.limit(1)) is not None
