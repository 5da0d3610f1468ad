"""The mesh trick: browsers that believe they speak to Twilio's media server speak to each other.

A link stands between two participants and passes offers, answers and candidates on as they are. It
remembers what each side said last, for a side that was away.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from doubles.twilio.model import Json, Participant


@dataclass(eq=False)
class Link:
    """The connection of two participants; the one who came later makes the first offer."""

    ends: tuple[Participant, Participant]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    _said: dict[str, Json] = field(default_factory=dict)
    _offered: dict[int, str] = field(default_factory=dict)

    def other(self, participant: Participant) -> Participant:
        """Who is at the other end."""
        return self.ends[1] if participant is self.ends[0] else self.ends[0]

    def hear(self, speaker: Participant, state: Json) -> Json | None:
        """Keep what one side said; returns what the other side is to be told.

        Of two offers with one revision only the first passes: both would roll back for ever.
        """
        said = self._said.setdefault(speaker.sid, {})
        news: Json = {}
        description = state.get("description")
        if description is not None and self._passes(speaker, description):
            said["description"] = news["description"] = description
        if state.get("ice") is not None:
            said["ice"] = news["ice"] = state["ice"]
        return {"id": self.id, **news} if news else None

    def state_for(self, participant: Participant) -> Json:
        """All that the other side said last."""
        return {"id": self.id, **self._said.get(self.other(participant).sid, {})}

    def _passes(self, speaker: Participant, description: Json) -> bool:
        if description["type"] != "offer":
            return True
        first = self._offered.setdefault(description["revision"], speaker.sid)
        return first == speaker.sid


def asked_to_offer(link: Link) -> Json:
    """Asks a browser to begin the connection."""
    return {"id": link.id, "description": {"type": "create-offer", "revision": 1}}


def closed(connection: str, revision: int = 1) -> Json:
    """Tells a browser to give the connection up."""
    return {"id": connection, "description": {"type": "close", "revision": revision}}
