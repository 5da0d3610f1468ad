"""Two sets of books: what changed in the tables since the last look, and what the audit says of it.

Every change has one entry, every entry of a change has its change; and times are in their order.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Books = Counter[tuple[str, str]]

TABLES = (
    *("users", "visits", "sessions", "links", "sign_ins", "api_tokens", "invitations"),
    *("consents", "recordings", "participations", "attendances", "rooms"),
)
STEPS = {
    ("SCHEDULED", "IN_PROGRESS"): ("session.start", {"doctor"}),
    ("SCHEDULED", "FAILED"): ("session.fail", {"system"}),
    ("IN_PROGRESS", "COMPLETED"): ("session.end", {"doctor", "system"}),
    ("SCHEDULED", "CANCELLED"): ("session.cancel", {"doctor", "staff"}),
}
BY = dict(STEPS.values())
ORDER = {
    "visits": ("opened_at", "closed_at"),
    "sessions": ("created_at", "started_at", "ended_at"),
    "links": ("created_at", "opened_at", "revoked_at"),
    "sign_ins": ("created_at", "last_used_at", "ended_at"),
    "invitations": ("created_at", "used_at"),
    "recordings": ("created_at", "finished_at", "deleted_at"),
    "participations": ("entered_at", "seen_at"),
    "rooms": ("opened_at", "closed_at"),
    "attendances": ("joined_at", "left_at"),
}
ALWAYS = ("sessions", "attendances")
"""Where times are in their order even when the clock was set back; others are what the clock showed."""

UNCOUNTED = ("session.wait", "session.read")
"""A wait that a reload does not break is one wait, and a look is no change."""


class Ledger:
    """The tables of an SQLite file as they were at the last look, and how far the audit was read."""

    def __init__(self, file: Path) -> None:
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.row_factory = sqlite3.Row
        self.head = (0, "0" * 64)
        self.tables = {name: self._read(name) for name in TABLES}
        self.tokens: Books = Counter()
        self.set_back = False
        self._new_entries()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def look(self) -> None:
        """Compare both books, and let this be the last look."""
        before, self.tables = self.tables, {name: self._read(name) for name in TABLES}
        entries = self._new_entries()
        told = Counter(
            (one["action"], one["object_id"])
            for one in entries
            if one["action"] not in UNCOUNTED and one["reason"] != "not connected"
        )
        due = _due(before, self.tables) + self.tokens
        self.tokens = Counter()
        assert told == due, f"told and not done: {told - due}; done and not told: {due - told}"
        for one in entries:
            assert one["outcome"] == "ok", one
            assert one["actor_role"] in BY.get(one["action"], {one["actor_role"]}), one
        assert not (late := list(_out_of_order(self.tables, ALWAYS if self.set_back else tuple(ORDER)))), late

    def session(self, session_id: str) -> Row:
        """A session as it was at the last look."""
        return self.tables["sessions"][session_id]

    def of(self, table: str, **fields: Any) -> list[Row]:
        """The rows of a table that have these values, as they were at the last look."""
        found = self.tables[table].values()
        return [row for row in found if all(row[name] == value for name, value in fields.items())]

    def count(self, statement: str) -> int:
        """What a statement counts now."""
        found: int = self._database.execute(statement).fetchone()[0]
        return found

    def entries(self, action: str) -> Counter[str]:
        """How many entries of an action there are for each object."""
        query = "SELECT object_id, count(*) FROM audit_entries WHERE action = ? AND reason != ? GROUP BY 1"
        return Counter(dict(self._database.execute(query, (action, "not connected")).fetchall()))

    def _read(self, table: str) -> dict[Any, Row]:
        return {row["id"]: dict(row) for row in self._database.execute(f"SELECT * FROM {table}")}

    def _new_entries(self) -> list[Row]:
        query = "SELECT * FROM audit_entries WHERE id > ? ORDER BY id"
        found = [dict(row) for row in self._database.execute(query, (self.head[0],))]
        for one in found:
            assert (one["id"], one["prev"]) == (self.head[0] + 1, self.head[1]), "the chain is broken"
            self.head = (one["id"], one["mac"])
        return found


def moment(text: str) -> datetime:
    """A time as SQLite keeps it."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _due(before: dict[str, dict[Any, Row]], after: dict[str, dict[Any, Row]]) -> Books:
    """The entries that the audit must hold of what is different now."""

    def new(table: str) -> list[Row]:
        return [row for key, row in after[table].items() if key not in before[table]]

    def changed(table: str) -> Iterator[tuple[Row, Row]]:
        old = before[table]
        return ((old[key], row) for key, row in after[table].items() if key in old and old[key] != row)

    due: Books = Counter()
    due.update(("user.create", row["id"]) for row in new("users"))
    for was, row in changed("users"):
        if was["active"] != row["active"]:
            due["user.activate" if row["active"] else "user.deactivate", row["id"]] += 1
        if was["password_hash"] != row["password_hash"]:
            due["user.password", row["id"]] += 1
    due.update(("user.api_token", row["user_id"]) for row in new("api_tokens"))
    due.update(("user.invite", row["user_id"]) for row in new("invitations"))
    due.update(("visit.open", row["id"]) for row in new("visits"))
    due.update(("visit.close", row["id"]) for _was, row in changed("visits"))
    for row in new("sessions"):
        assert row["status"] == "SCHEDULED"
        due["session.create", row["id"]] += 1
    for was, row in changed("sessions"):
        if was["status"] != row["status"]:
            due[STEPS[was["status"], row["status"]][0], row["id"]] += 1
    _links(due, new("links"), [row for was, row in changed("links") if not was["revoked_at"]])
    _sign_ins(due, new("sign_ins"), [row for was, row in changed("sign_ins") if not was["ended_at"]], after)
    for row in new("consents"):
        earlier = [one for one in before["consents"].values() if one["session_id"] == row["session_id"]]
        no = "withdrawn" if earlier and earlier[-1]["agreed"] else "declined"
        due["session.consent_" + ("given" if row["agreed"] else no), row["session_id"]] += 1
    due.update(("recording.begin", row["session_id"]) for row in new("recordings"))
    for was, row in changed("recordings"):
        if row["status"] == "deleted" != was["status"]:
            due["recording.delete", row["session_id"]] += 1
        elif row["status"] in ("available", "failed") and _end_of(was) != _end_of(row):
            due["recording.finish", row["session_id"]] += 1
    _pages(due, before["participations"], after["participations"])
    _stays(due, before["attendances"], after)
    return due


def _end_of(recording: Row) -> tuple[Any, ...]:
    return recording["status"], recording["finished_at"], recording["duration_seconds"]


def _links(due: Books, made: list[Row], changed: list[Row]) -> None:
    due.update(("session.link", row["session_id"]) for row in made)
    replaced = {row["session_id"] for row in made}
    revoked = {row["session_id"] for row in changed if row["revoked_at"]}
    due.update(("session.link_revoked", session_id) for session_id in revoked - replaced)


def _sign_ins(due: Books, begun: list[Row], changed: list[Row], after: dict[str, dict[Any, Row]]) -> None:
    for row in begun:
        by_link = row["kind"] == "link"
        due["session.link_used" if by_link else "user.sign_in", row["session_id"] or row["user_id"]] += 1
    ended = [row for row in changed if row["ended_at"]]
    for row in ended:
        user = after["users"][row["user_id"]]
        link = after["links"].get(row["link_id"])
        at_once = [one for one in ended if one["user_id"] == row["user_id"]]
        together = due["user.password", user["id"]] or due["user.deactivate", user["id"]]
        by_its_link = link is not None and link["revoked_at"] == row["ended_at"]
        if not together and not by_its_link:
            assert len(at_once) == 1, "one sign-out ends one sign-in"
            due["user.sign_out", user["id"]] += 1


def _pages(due: Books, before: dict[Any, Row], after: dict[Any, Row]) -> None:
    """Pages that came in, connected, came back, went."""
    for key, row in after.items():
        was = before.get(key)
        if was is None:
            due["session.token", row["session_id"]] += 1
        was = was or {"connected_at": None, "left_at": None, "state": ""}
        if not row["connected_at"]:
            continue
        back = was["connected_at"] and was["state"] == "lost" and not row["left_at"]
        if back or not was["connected_at"]:
            due["session.join", row["session_id"]] += 1
        if row["left_at"] and not (was["connected_at"] and was["left_at"]):
            due["session.leave", row["session_id"]] += 1


def _stays(due: Books, before: dict[Any, Row], after: dict[str, dict[Any, Row]]) -> None:
    """Stays in a room that no page of ours is known for."""
    for key, row in after["attendances"].items():
        if row["participation_id"] is None:
            session_id, was = after["rooms"][row["room_id"]]["session_id"], before.get(key)
            due["session.join", session_id] += was is None
            due["session.leave", session_id] += bool(row["left_at"] and not (was and was["left_at"]))


def _out_of_order(tables: dict[str, dict[Any, Row]], which: tuple[str, ...]) -> Iterator[str]:
    for table in which:
        names = ORDER[table]
        for row in tables[table].values():
            times = [row[name] for name in names if row[name]]
            if times != sorted(times):
                yield f"{table}: {[f'{name} {row[name]}' for name in names]}"
    for row in tables["sessions"].values():
        if row["cancelled_at"] and row["cancelled_at"] < row["created_at"]:
            yield f"sessions: cancelled at {row['cancelled_at']}, created at {row['created_at']}"
