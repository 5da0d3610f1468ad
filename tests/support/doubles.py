"""Video services that stand in for the real one."""

from __future__ import annotations

from flask import Flask

from telehealth.errors import ProviderRefused, ProviderUnavailable
from telehealth.video import Ticket, VideoProvider
from telehealth.video.peer import PeerProvider


class WatchedVideo(PeerProvider):
    """A service with rooms of its own, which remembers what it was asked."""

    hosted = True

    def __init__(self, app: Flask) -> None:
        super().__init__(app.config["SETTINGS"])
        self.asked: list[str] = []

    def open_room(self, room: str) -> str:
        """Open, and remember."""
        self.asked.append("open_room")
        return f"room-{room}"

    def ticket(self, room: str, identity: str) -> Ticket:
        """Make a ticket, and remember."""
        self.asked.append("ticket")
        return super().ticket(room, identity)

    def close_room(self, room: str) -> None:
        """Close, and remember."""
        self.asked.append("close_room")


class RefusingVideo(WatchedVideo):
    """Says no for good."""

    def open_room(self, room: str) -> str:
        """Refuse."""
        self.asked.append("open_room")
        raise ProviderRefused("The video service refused to open a room.")


class SilentVideo(WatchedVideo):
    """Is out of reach for now."""

    def open_room(self, room: str) -> str:
        """Do not answer."""
        self.asked.append("open_room")
        raise ProviderUnavailable()

    def ticket(self, room: str, identity: str) -> Ticket:
        """Do not answer."""
        self.asked.append("ticket")
        raise ProviderUnavailable()

    def close_room(self, room: str) -> None:
        """Do not answer."""
        super().close_room(room)
        raise ProviderUnavailable()


def install(app: Flask, double: VideoProvider) -> VideoProvider:
    """Let the app use this service from now on."""
    app.extensions["video"] = double
    return double
