"""What the call page sends: coming in, messages from browser to browser, being there, going."""

from __future__ import annotations

from pydantic import Field

from telehealth.routes.shapes import Shape, Text

PARTICIPANT = r"^[a-z0-9]{20,32}$"
MESSAGES_MOST = 50
LAST_NUMBER = 10**9 - 1


class Description(Shape):
    """What one browser offers the other to agree on, or its answer to that (SDP)."""

    type: Text = Field(pattern="^(offer|answer|rollback|pranswer)$")
    sdp: Text = Field("", max_length=40_000)


class Offer(Description):
    """A description that may come before anything else: it asks for the connection."""

    type: Text = Field(pattern="^offer$")


class EnterBody(Shape):
    """A page that comes in; its offer, if it has one, goes to whoever is there."""

    participant: Text = Field(pattern=PARTICIPANT)
    token: Text | None = Field(None, max_length=1000)
    offer: Offer | None = None


class Candidate(Shape):
    """An address at which a browser may be reached; an empty one says that there are no more."""

    candidate: Text = Field("", max_length=2000)
    sdpMid: Text | None = Field(None, max_length=50)
    sdpMLineIndex: int | None = None
    usernameFragment: Text | None = Field(None, max_length=300)


class SignalContent(Shape):
    """What one page tells another; the server only passes it on."""

    description: Description | None = None
    candidate: Candidate | None = None
    restart: bool | None = None


class SignalMessage(Shape):
    """For whom it is; the id tells one that was sent again from a new one."""

    to: Text = Field(pattern=PARTICIPANT)
    id: Text = Field(pattern=r"^[A-Za-z0-9-]{1,40}$")
    body: SignalContent


class SignalBody(Shape):
    """Messages of one page, in the order in which they are to arrive."""

    participant: Text = Field(pattern=PARTICIPANT)
    messages: list[SignalMessage] = Field(min_length=1, max_length=MESSAGES_MOST)


class PresenceBody(Shape):
    """A page that is still there, and how its call stands."""

    participant: Text = Field(pattern=PARTICIPANT)
    state: Text = Field(pattern="^(waiting|connecting|connected|reconnecting)$")


class LeaveBody(Shape):
    """The page that goes, or whose room is gone."""

    participant: Text = Field(pattern=PARTICIPANT)


class InboxQuery(Shape):
    """Whose messages are wanted, after which; `poll` asks for those that are there already."""

    participant: Text = Field(pattern=PARTICIPANT)
    after: int = Field(0, ge=0, le=LAST_NUMBER)
    poll: int = Field(0, ge=0, le=1)
