"""A video service that records by itself, and what tests of recordings share."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from flask import Flask

from support.domain import rows
from support.doubles import WatchedVideo
from telehealth import consents, recordings, video
from telehealth.access import Actor
from telehealth.errors import ProviderUnavailable
from telehealth.models import Recording, Session
from telehealth.video import Media

if TYPE_CHECKING:
    from support.cast import Person

BYTES = b"0123456789"


class RecordingVideo(WatchedVideo):
    """Records rooms, unless it is `away`; what it keeps are ten bytes a recording."""

    name = "recording"
    records = True

    def __init__(self, app: Flask) -> None:
        super().__init__(app)
        self.away = False

    def record(self, room: str, *, on: bool) -> None:
        """Begin or stop, and remember."""
        self._answer(f"record {on}")

    def media(self, source_id: str, byte_range: str | None) -> Media:
        """Ten bytes, or those of them that are asked for."""
        self._answer(f"media {source_id} {byte_range}")
        headers = {"Content-Type": "video/mp4", "Content-Length": str(len(BYTES))}
        return Media(206 if byte_range else 200, headers, [BYTES[:4], BYTES[4:]])

    def erase(self, source_id: str, room_id: str) -> None:
        """Delete, and remember."""
        self._answer(f"erase {source_id}")

    def _answer(self, asked: str) -> None:
        self.asked.append(asked)
        if self.away:
            raise ProviderUnavailable()


def fresh_id() -> str:
    """The id that a browser makes for a recording."""
    return secrets.token_hex(10)


def made(session: Session, *pieces: bytes, by: Actor, duration: int | None = None) -> Recording:
    """A recording of these pieces, finished where a duration is given."""
    recording = recordings.begin(session, fresh_id(), by=by, media_type="video/webm", video=video.provider())
    for number, piece in enumerate(pieces):
        recordings.add_piece(session, recording, number, piece, by=by)
    if duration is not None:
        recordings.finish(session, recording, by=by, duration=duration)
    return recording


def decide(session: Session, agreed: bool, patient: Person) -> None:
    """The patient's answer to whether the session may be recorded."""
    consents.decide(session, agreed, by=patient.actor, video=video.provider())


def row() -> dict[str, Any]:
    """The one recording that there is, as it is in the database now."""
    (found,) = rows(Recording)
    return found
