"""Messages from browser to browser: rows with a number that counts within the session.

Numbers are taken under the session's row lock. A plain sequence would let a reader pass over a
number whose transaction is still open, and never read it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, insert, select, update

from telehealth import changes, clock
from telehealth.extensions import db
from telehealth.models import Session, Signal
from telehealth.store import new_id, transaction

# Asked in almost every request of a call: put together once.
_LOCK = select(Session.last_signal).where(Session.id == bindparam("session")).with_for_update()
_KNOWN = select(Signal.message_id).where(
    Signal.session_id == bindparam("session"), Signal.message_id.in_(bindparam("ids", expanding=True))
)
_WRITE = insert(Signal.__table__)  # type: ignore[arg-type]
_COUNT = (
    update(Session)
    .where(Session.id == bindparam("session"))
    .values(last_signal=bindparam("last"))
    .execution_options(synchronize_session=False)
)
_SINCE = (
    select(Signal)
    .where(Signal.recipient_id == bindparam("recipient"), Signal.seq > bindparam("after"))
    .order_by(Signal.seq)
)


@dataclass(frozen=True)
class Message:
    """One message to send: to which participant, of which kind, with an id that makes it once."""

    to: str
    kind: str
    body: dict[str, Any]
    message_id: str


def post(session_id: str, messages: Sequence[Message], *, browsers: bool = True) -> None:
    """Store messages. Of browsers' own one whose id is there already is ignored: they repeat blindly."""
    if not messages:
        return
    with transaction():
        last = lock(session_id)
        ids = [message.message_id for message in messages]
        asked = {"session": session_id, "ids": ids}
        known = set(db.session.scalars(_KNOWN, asked)) if browsers else set()
        rows = []
        for message in messages:
            if message.message_id in known:
                continue
            known.add(message.message_id)
            last += 1
            rows.append(
                {
                    "session_id": session_id,
                    "seq": last,
                    "recipient_id": message.to,
                    "message_id": message.message_id,
                    "kind": message.kind,
                    "body": json.dumps(message.body),
                    "at": clock.now(),
                }
            )
        if rows:
            db.session.execute(_WRITE, rows)
        db.session.execute(_COUNT, {"session": session_id, "last": last})
        changes.announce(f"call:{session_id}")


def tell(session_id: str, recipients: Sequence[str], kind: str, body: dict[str, Any]) -> None:
    """Tell participants something in the server's own name."""
    post(session_id, own(recipients, kind, body), browsers=False)


def own(recipients: Sequence[str], kind: str, body: dict[str, Any]) -> list[Message]:
    """Messages in the server's own name; no two are the same."""
    return [Message(to, kind, body, f"server-{new_id()}") for to in recipients]


def read(recipient_id: str, after: int) -> list[Signal]:
    """What came in for a participant since number `after`, in order."""
    return list(db.session.scalars(_SINCE, {"recipient": recipient_id, "after": after}))


def lock(session_id: str) -> int:
    """The session's last number, with every other writer of this session held back.

    Whoever changes participations asks for this first: then the audit, which comes last, is never
    held by somebody who waits for a participation.
    """
    return db.session.scalars(_LOCK, {"session": session_id}).one()
