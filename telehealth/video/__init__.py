"""The video service: what we need of one, and the choice at start-up.

Vendor words, codes and ids stop inside each provider's own module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

from flask import Flask, current_app

from telehealth.config import Settings


@dataclass(frozen=True)
class Ticket:
    """All a browser needs to connect. `room` and `identity` are opaque; `more` is the provider's own."""

    provider: str
    room: str
    identity: str
    token: str = field(repr=False)
    expires_at: datetime
    more: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Happening:
    """Something that happened in a room, told by the provider: late, twice or never, in any order.

    `seconds` is how long the stay or the recording was, where the provider says so.
    """

    JOINED: ClassVar = "joined"
    LEFT: ClassVar = "left"
    ENDED: ClassVar = "ended"
    RECORDED: ClassVar = "recorded"
    NOT_RECORDED: ClassVar = "not recorded"

    kind: str
    room: str
    room_id: str
    at: datetime
    attendee_id: str = ""
    identity: str = ""
    seconds: float | None = None
    recording_id: str = ""


@dataclass(frozen=True)
class Attendee:
    """One stay of one identity in a room, as the provider saw it; `left_at` None: still in it."""

    id: str
    identity: str
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True)
class RoomReport:
    """How a room is at the provider; `ended_at` None: it is open."""

    room: str
    room_id: str
    ended_at: datetime | None
    attendees: list[Attendee]

    def happenings(self) -> Iterator[Happening]:
        """What led to this, as the provider would have told it bit by bit."""
        for one in self.attendees:
            who = (one.id, one.identity)
            yield Happening(Happening.JOINED, self.room, self.room_id, one.joined_at, *who)
            if one.left_at is not None:
                yield Happening(Happening.LEFT, self.room, self.room_id, one.left_at, *who)
        if self.ended_at is not None:
            yield Happening(Happening.ENDED, self.room, self.room_id, self.ended_at)


@dataclass(frozen=True)
class Recorded:
    """How far a recording is at the provider; `seconds` once it is ready."""

    COMING: ClassVar = "coming"
    READY: ClassVar = "ready"
    FAILED: ClassVar = "failed"

    state: str
    seconds: int | None = None


@dataclass(frozen=True)
class Media:
    """A recording's bytes as the provider sends them: for the browser, as they are."""

    status: int
    headers: dict[str, str]
    chunks: Iterable[bytes]


class VideoProvider(Protocol):
    """Rooms and tickets. Every method may raise ProviderUnavailable (try later) or ProviderRefused."""

    name: str
    early: bool
    """Whether a browser may get ready to connect before it has its ticket."""
    hosted: bool
    """Whether its rooms are somewhere else, where they can die by themselves."""
    connects_to: tuple[str, ...]
    """What the call page must be able to reach beside us, as sources for connect-src."""
    records: bool
    """Whether the provider itself records; else the doctor's browser does."""

    def open_room(self, room: str) -> str:
        """Make the room ready; one that is there already is fine. Returns the provider's id of it."""

    def ticket(self, room: str, identity: str) -> Ticket:
        """A ticket for one identity in one room; needs no network."""

    def close_room(self, room: str) -> None:
        """End the room for everybody; one that is over already is fine."""

    def remove(self, room: str, identity: str) -> None:
        """Put one identity out of the room; one that is not there is fine."""

    def look(self, room: str, room_id: str) -> RoomReport:
        """How the room of this name and id is, and who was in it; one that is not known is over."""

    def read_callback(
        self, path: str, fields: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Happening | None:
        """What the provider tells by calling us; None for what does not concern us.

        `path` with its query. Raises NotAllowed or Invalid for what is not from the provider.
        """

    def record(self, room: str, *, on: bool) -> None:
        """Record the room from now on, or no longer; harmless to repeat."""


class RecordingProvider(VideoProvider, Protocol):
    """One that `records`, and keeps what it recorded."""

    def compose(self, room_id: str) -> str | None:
        """Ask for one file of a room that is over. Its id, or None where nothing was recorded."""

    def recorded(self, source_id: str) -> Recorded:
        """How far that file is."""

    def media(self, source_id: str, byte_range: str | None) -> Media:
        """The bytes of a finished recording, or the part of them that a browser's `Range` asks for."""

    def erase(self, source_id: str, room_id: str) -> None:
        """Delete a recording with all that it was made of; one that is gone already is fine."""


def init_app(app: Flask) -> None:
    """Choose the provider that the settings name."""
    settings: Settings = app.config["SETTINGS"]
    chosen: VideoProvider
    if settings.video_provider == "twilio":
        from telehealth.video.twilio import TwilioProvider

        chosen = TwilioProvider(settings)
    else:
        from telehealth.video.peer import PeerProvider

        chosen = PeerProvider(settings)
    app.extensions["video"] = chosen


def provider() -> VideoProvider:
    """The provider of this app."""
    chosen: VideoProvider = current_app.extensions["video"]
    return chosen
