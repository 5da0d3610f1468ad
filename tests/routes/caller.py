"""Somebody's page in a call, without a browser: it says what `call.js` says."""

from __future__ import annotations

from typing import Any

from support.cast import Person
from support.domain import page_id
from support.pages import Visitor

from telehealth.models import Session

OFFER = {"description": {"type": "offer", "sdp": "v=0\r\n"}}


class Caller:
    """One page load of one person in one session."""

    def __init__(self, visitor: Visitor, session: Session, me: str = "") -> None:
        self.visitor, self.session, self.me = visitor, session, me or page_id()
        self.url = f"/telemedicine/{session.id}/call"
        if isinstance(visitor, Person):
            visitor.ensure_signed_in()
        self.csrf = {"X-CSRFToken": visitor.csrf_token()}

    def ticket(self) -> str:
        """A ticket for this person and session."""
        answer = self.visitor.api("POST", "/telemedicine/token/", json={"session_id": self.session.id})
        assert answer.status_code == 200, answer.text
        return str(answer.json["token"])

    def enter(self, status: int = 200, **more: Any) -> Any:
        """Come in."""
        ticket = more.pop("token", None) or self.ticket()
        return self.say("enter", status, token=ticket, **more)

    def presence(self, state: str, status: int = 200) -> Any:
        """Say that the page is there."""
        return self.say("presence", status, state=state)

    def signal(self, to: str, body: Any = None, number: str = "1", status: int = 200) -> Any:
        """Send one message."""
        message = {"to": to, "id": number, "body": OFFER if body is None else body}
        return self.say("signal", status, messages=[message])

    def leave(self, status: int = 200) -> Any:
        """Go away."""
        return self.say("leave", status)

    def events(self, after: int = 0, status: int = 200) -> Any:
        """What came in."""
        query = {"participant": self.me, "after": after, "poll": 1}
        answer = self.visitor.client.get(f"{self.url}/inbox", query_string=query)
        assert answer.status_code == status, answer.text
        return answer.json["events"] if status == 200 else answer.json["error"]["code"]

    def kinds(self) -> list[str]:
        """The types of all that came in."""
        return [event["type"] for event in self.events()]

    def say(self, what: str, status: int = 200, **body: Any) -> Any:
        """Post; returns the answer, or the code of a refusal."""
        sent = {"participant": self.me, **body}
        answer = self.visitor.client.post(f"{self.url}/{what}", json=sent, headers=self.csrf)
        assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text}"
        return answer.json if status == 200 else answer.json["error"]["code"]
