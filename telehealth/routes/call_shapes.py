"""What the call page sends: coming in, messages from browser to browser, being there, going."""

from __future__ import annotations

from pydantic import Field

from telehealth.routes.shapes import Shape, Text

PARTICIPANT = r"^[a-z0-9]{20,32}$"
MESSAGES_MOST = 50
LAST_NUMBER = 10**9 - 1


class Description(Shape):
    type: Text = Field(pattern="^(offer|answer|rollback|pranswer)$")
    sdp: Text = Field("", max_length=40_000)


class Offer(Description):
    type: Text = Field(pattern="^offer$")


class EnterBody(Shape):
    participant: Text = Field(pattern=PARTICIPANT)
    token: Text | None = Field(None, max_length=1000)
    offer: Offer | None = None


class Candidate(Shape):
    candidate: Text = Field("", max_length=2000)
    sdpMid: Text | None = Field(None, max_length=50)
    sdpMLineIndex: int | None = None
    usernameFragment: Text | None = Field(None, max_length=300)


class SignalContent(Shape):
    description: Description | None = None
    candidate: Candidate | None = None
    restart: bool | None = None


class SignalMessage(Shape):
    to: Text = Field(pattern=PARTICIPANT)
    id: Text = Field(pattern=r"^[A-Za-z0-9-]{1,40}$")
    body: SignalContent


class SignalBody(Shape):
    participant: Text = Field(pattern=PARTICIPANT)
    messages: list[SignalMessage] = Field(min_length=1, max_length=MESSAGES_MOST)


class PresenceBody(Shape):
    participant: Text = Field(pattern=PARTICIPANT)
    state: Text = Field(pattern="^(waiting|connecting|connected|reconnecting)$")


class LeaveBody(Shape):
    participant: Text = Field(pattern=PARTICIPANT)


class InboxQuery(Shape):
    participant: Text = Field(pattern=PARTICIPANT)
    after: int = Field(0, ge=0, le=LAST_NUMBER)
    poll: int = Field(0, ge=0, le=1)
