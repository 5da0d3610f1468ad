"""The audit: append-only, chained, written in the transaction of the change it tells of.

No entry, no change. `mac = HMAC-SHA256(key, prev ‖ canonical row)`; the key comes from the settings,
never from the database. A chain shows edits and gaps; a cut tail shows only against an anchor kept
elsewhere (`flask verify-audit --anchor`).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Executable, Select, and_, insert, select, text

from telehealth import clock
from telehealth.access import Actor
from telehealth.extensions import db
from telehealth.models import AuditEntry, User
from telehealth.store import is_postgresql, transaction

START = "0" * 64
REFUSED = "refused"
_FIELDS = [
    "actor_id",
    "actor_role",
    "action",
    "object_type",
    "object_id",
    "outcome",
    "reason",
    "address",
    "agent",
    "request_id",
    "detail",
]


_ENTRY = AuditEntry.__table__.c
_HEAD: Executable = select(_ENTRY.id, _ENTRY.mac).order_by(_ENTRY.id.desc()).limit(1)
_LOCKED_HEAD: Executable = text("SELECT id, mac FROM audit_head()")
_INSERT = insert(AuditEntry.__table__)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Verdict:
    """What a check of the chain found. `bad_id` is the first row that does not hold."""

    rows: int
    head_id: int
    head_mac: str
    bad_id: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Sought:
    """Which entries somebody wants to see; what is not given narrows nothing.

    `action` may be REFUSED, `since` and `until` are moments (the second is not in it), `before` is
    an id to page on.
    """

    action: str = ""
    actor_id: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: int = 0

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """The same for a query over AuditEntry."""
        if self.action == REFUSED:
            yield AuditEntry.outcome != "ok"
        elif self.action:
            yield and_(AuditEntry.action == self.action, AuditEntry.outcome == "ok")
        if self.actor_id:
            yield AuditEntry.actor_id == self.actor_id
        if self.since:
            yield AuditEntry.at >= self.since
        if self.until:
            yield AuditEntry.at < self.until
        if self.before > 0:
            yield AuditEntry.id < self.before


def record(
    action: str,
    *,
    by: Actor,
    object_type: str,
    object_id: str,
    outcome: str = "ok",
    reason: str = "",
    detail: Mapping[str, str | int | bool | None] | None = None,
) -> None:
    """Append one entry to the transaction at hand. `detail` holds no names, notes or secrets."""
    with transaction():
        # The head is what every writer waits for: it is asked for when all else is written.
        db.session.flush()
        last_id, prev = _head()
        row: dict[str, Any] = {
            "id": last_id + 1,
            "at": clock.now(),
            "actor_id": by.user_id,
            "actor_role": by.role,
            "action": action,
            "object_type": object_type,
            "object_id": object_id,
            "outcome": outcome,
            "reason": reason[:100],
            "address": by.address[:45],
            "agent": by.agent[:200],
            "request_id": by.request_id[:32],
            "detail": json.dumps(dict(detail or {}), sort_keys=True),
            "prev": prev,
        }
        row["mac"] = _mac(row)
        db.session.execute(_INSERT, row)


def session_history(session_id: str) -> list[AuditEntry]:
    """All entries about one session, newest first."""
    query = select(AuditEntry).where(AuditEntry.object_type == "session", AuditEntry.object_id == session_id)
    return list(db.session.scalars(query.order_by(AuditEntry.id.desc())))


def newest(sought: Sought, *, limit: int) -> list[tuple[AuditEntry, str]]:
    """The newest entries of what is sought, each with the name of its actor."""
    query = select(AuditEntry, User.name).outerjoin(User, AuditEntry.actor_id == User.id)
    rows = db.session.execute(query.where(*sought.conditions()).order_by(AuditEntry.id.desc()).limit(limit))
    return [(row[0], row[1] or "") for row in rows]


def has_unused_token(session_id: str, actor_id: str | None) -> bool:
    """Whether this actor took a token for the session and has neither joined nor left since."""
    actions = ("session.token", "session.join", "session.leave")
    query = _of_one(AuditEntry.action, session_id, actor_id).where(AuditEntry.action.in_(actions))
    return db.session.scalar(query) == "session.token"


def sign_in_of_token(session_id: str, actor_id: str) -> str | None:
    """By which sign-in this actor took the newest token for the session; None for a program's own."""
    query = _of_one(AuditEntry.detail, session_id, actor_id).where(AuditEntry.action == "session.token")
    found: str | None = json.loads(db.session.scalar(query) or "{}").get("sign_in")
    return found


def got_token_since(session_id: str, actor_id: str, moment: datetime) -> bool:
    """Whether this actor was given a token for the session after that moment (UTC)."""
    query = _of_one(AuditEntry.id, session_id, actor_id).where(AuditEntry.action == "session.token")
    return db.session.scalar(query.where(AuditEntry.at > moment)) is not None


def verify(anchor: tuple[int, str] | None = None) -> Verdict:
    """Walk the whole chain. `anchor` is an (id, mac) noted earlier, which must still be there."""
    prev, last, anchored = START, 0, anchor is None
    query = select(AuditEntry).order_by(AuditEntry.id).execution_options(yield_per=1000)
    with db.session.scalars(query) as entries:
        for entry in entries:
            why = _fault(entry, last, prev)
            if why:
                return Verdict(last, last, prev, bad_id=entry.id, why=why)
            anchored = anchored or (entry.id, entry.mac) == anchor
            prev, last = entry.mac, entry.id
            db.session.expunge(entry)
    if not anchored and anchor:
        return Verdict(last, last, prev, bad_id=anchor[0], why="the anchor is not in the chain")
    return Verdict(last, last, prev)


def _of_one(what: Any, session_id: str, actor_id: str | None) -> Select[Any]:
    """This of the newest entry of one actor about one session."""
    of_session = (AuditEntry.object_type == "session", AuditEntry.object_id == session_id)
    query = select(what).where(*of_session, AuditEntry.actor_id == actor_id)
    return query.order_by(AuditEntry.id.desc()).limit(1)


def _fault(entry: AuditEntry, last: int, prev: str) -> str:
    """What is wrong with this entry after the one with these id and mac; nothing if it holds."""
    if entry.id != last + 1:
        return "an entry before it is missing"
    if entry.prev != prev:
        return "it does not follow the entry before it"
    return "" if hmac.compare_digest(entry.mac, _mac(vars(entry))) else "it was changed"


def _head() -> tuple[int, str]:
    """The last id and mac, with every other writer held back until this transaction is over."""
    row = db.session.execute(_LOCKED_HEAD if is_postgresql() else _HEAD).first()
    return (row[0], row[1]) if row else (0, START)


def _mac(row: Mapping[str, Any]) -> str:
    canonical = {name: row[name] for name in ("id", *_FIELDS)}
    canonical["at"] = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    body = json.dumps(canonical, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hmac.new(
        _key(current_app.config["SECRET_KEY"]), row["prev"].encode() + body.encode(), hashlib.sha256
    ).hexdigest()


@cache
def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), b"telehealth audit", "sha256")
