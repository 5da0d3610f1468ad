"""What a test can change in the double's behaviour, besides faults of REST and of callbacks."""

from __future__ import annotations

from dataclasses import dataclass, field

from doubles.twilio.model import Json


@dataclass
class Switches:
    """How the double behaves; they can be changed at any time."""

    minute: float = 60
    """Seconds in a minute of a room's timeouts and of how long one may stay."""
    session_timeout: float = 30
    """Seconds after which somebody whose socket was lost is out; told to browsers when they join."""
    composing: float = 0.2
    """Seconds that a composition takes."""
    compositions_fail: bool = False
    """Compositions end as failed."""
    recordings_fail: bool = False
    """Recordings end as failed."""
    client_side_rooms: bool = False
    """Whether connecting to an unknown name makes a room, which should be off in a real account."""
    ice_servers: list[Json] = field(default_factory=list)
    """What browsers are told of STUN and TURN; without TURN the SDK's preflight ends with 53405."""
    outage: bool = False
    """New sockets are refused."""
    refuse_tokens_at_sync: bool = False
    """A browser that comes back with its token gets 20104. A token that expired does so anyway."""
