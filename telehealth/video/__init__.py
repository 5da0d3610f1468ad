"""The video service: what we need of one, and the choice at start-up.

Vendor words, codes and ids stop inside each provider's own module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from flask import Flask, current_app


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
    records: bool
    """Whether the provider itself records; else the doctor's browser does."""

    def open_room(self, room: str) -> None:
        """Make the room ready; one that is there already is fine."""

    def ticket(self, room: str, identity: str) -> Ticket:
        """A ticket for one identity in one room; needs no network."""

    def close_room(self, room: str) -> None:
        """End the room for everybody; one that is over already is fine."""

    def remove(self, room: str, identity: str) -> None:
        """Put one identity out of the room; one that is not there is fine."""

    def record(self, room: str, *, on: bool) -> None:
        """Record the room from now on, or no longer; harmless to repeat."""


class RecordingProvider(VideoProvider, Protocol):
    """One that `records`, and keeps what it recorded."""

    def media(self, source_id: str, byte_range: str | None) -> Media:
        """The bytes of a finished recording, or the part of them that a browser's `Range` asks for."""

    def erase(self, source_id: str) -> None:
        """Delete a finished recording; one that is gone already is fine."""


def init_app(app: Flask) -> None:
    """Choose the provider that the settings name."""
    from telehealth.video.peer import PeerProvider

    app.extensions["video"] = PeerProvider(app.config["SETTINGS"])


def provider() -> VideoProvider:
    """The provider of this app."""
    chosen: VideoProvider = current_app.extensions["video"]
    return chosen
