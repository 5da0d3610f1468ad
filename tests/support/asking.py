"""One request after the other in the clinic of `support.stage`, each held to the contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis.stateful import RuleBasedStateMachine

from support.cast import CAST
from support.ledger import Ledger
from support.stage import MAY, OPEN, Door, Stage
from support.troubled_video import TROUBLES, Killed, TroubledVideo
from telehealth import (
    access,
    attendance,
    chores,
    compositions,
    consents,
    links,
    people,
    presence,
    reconcile,
    sessions,
)
from telehealth.access import SYSTEM, Actor
from telehealth.errors import (
    NotAllowed,
    NotFound,
    ProviderRefused,
    ProviderUnavailable,
    Unauthenticated,
    WrongState,
)
from telehealth.models import Session
from telehealth.video import Happening, Ticket

Thing = TypeVar("Thing")
Refused = type[BaseException] | None
Act = Callable[[Session, Actor], Any]

IN_CALL = ("join", "leave", "end")
MEANWHILE = (
    *("start", "end", "cancel", "link", "withdraw", "reconcile", "chores", "deliver", "come in"),
    *("no doctor", "no patient"),
)
DISTURBED = {None, Unauthenticated, WrongState, ProviderRefused, ProviderUnavailable, Killed}
"""What may come of a request that the video service or others got in the way of."""


def pick(found: Sequence[Thing], which: int) -> Thing:
    """The newest, or one that is so much older."""
    return found[-1 - which % len(found)]


class Requests(RuleBasedStateMachine):
    """How the rules make a request, and what they expect of it."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage

    @property
    def ledger(self) -> Ledger:
        """The books."""
        return self.stage.ledger

    @property
    def video(self) -> TroubledVideo:
        """The video service; nobody asks it where the calls are carried without one."""
        return self.stage.video

    def session(self, which: str) -> str:
        """The id of a session: the newest or an older one of those that are open, or one that is over."""
        found = list(self.ledger.tables["sessions"].values())
        going_on = [one["id"] for one in found if one["status"] in OPEN]
        over = [one["id"] for one in found if one["status"] not in OPEN]
        wanted = (over or going_on) if which == "over" else (going_on or over)
        return str(pick(wanted, which == "older"))

    def door(self, session_id: str, who: str, which: int = 0) -> Door | None:
        """A way in of somebody who is this to the session: one of the newest, if there is any."""
        row = self.ledger.session(session_id)
        doctor, patient = self.stage.keys[row["doctor_id"]], self.stage.keys[row["patient_id"]]
        keys = {
            "doctor": [doctor],
            "patient": [patient],
            "staff": ["sam"],
            "others": [key for key in CAST if key not in (doctor, patient, "sam")],
        }
        if who == "visitor":
            found = self.stage.doors_of([patient], session_id)
        elif who == "another visitor":
            found = [one for one in self.stage.doors if one.session_id not in ("", session_id)]
        else:
            found = self.stage.doors_of(keys[who])
        return pick(found, which) if found else None

    def come(self, door: Door | None, *, in_call: bool = False, passive: bool = False) -> Actor | None:
        """Who comes in by the door, if there is one and it opens."""
        return self.stage.open(door, in_call=in_call, passive=passive) if door else None

    def take(
        self,
        action: str,
        session_id: str,
        door: Door | None,
        act: Act,
        between: str = "",
    ) -> Any:
        """Somebody does something with a session: held to the table, whatever gets in between."""
        by = self.come(door, in_call=action in IN_CALL)
        if by is None or door is None:
            return None
        row = self.ledger.session(session_id)
        expected = self._expected(action, self.stage.relation(door, row), row["status"])
        found, refusal, disturbed = self.ask(
            lambda: act(access.load_session(session_id, by=by), by), between, session_id
        )
        if expected or not disturbed:
            assert refusal is expected, (action, door, row["status"], refusal)
        else:
            assert refusal in DISTURBED, refusal
        return found

    def ask(
        self, act: Callable[[], Any], between: str = "", session_id: str = ""
    ) -> tuple[Any, Refused, bool]:
        """Do it as one request: what it returned, the class of its refusal, and whether it was disturbed.

        `between`: a trouble of the video service, or what others do meanwhile with the session.
        """
        video, asked = self.video, self.video.questions
        if between in TROUBLES:
            video.trouble = between
        elif between:
            video.meanwhile = lambda: self._meanwhile(between, session_id)
        found, refusal = self.stage.ask(act)
        disturbed = bool(between or video.away) and asked != video.questions
        video.trouble, video.meanwhile = "", None
        return found, refusal, disturbed

    def given(self, ticket: Ticket, session_id: str, door: Door) -> Ticket:
        """A ticket is for who has a right to it at this moment, whatever happened while they waited."""
        self.stage.look()
        row = self.ledger.session(session_id)
        relation = self.stage.relation(door, row) or ""
        assert row["status"] in MAY["join", relation], f"a ticket for a session that is {row['status']}"
        assert not door.shut, f"a ticket for {door}"
        assert ticket.room == row["room"]
        return ticket

    def hear(self, event: Happening) -> None:
        """What a callback does."""
        if event.recording_id:
            compositions.heard(event)
            return
        entered = attendance.apply(event)
        if entered is not None:
            reconcile.turn_away(entered, event.identity, video=self.video)

    def _expected(self, action: str, relation: str | None, status: str) -> Refused:
        if relation is None:
            return NotFound
        if (action, relation) not in MAY:
            return NotAllowed
        return None if status in MAY[action, relation] else WrongState

    def _meanwhile(self, what: str, session_id: str) -> None:
        """Another process does this while one waits for the network."""
        self.stage.look()
        self.stage.ask(lambda: self._do(what, session_id))
        self.stage.look()

    def _do(self, what: str, session_id: str) -> None:
        row, video = self.ledger.session(session_id), self.video
        doctor, patient = self.stage.keys[row["doctor_id"]], self.stage.keys[row["patient_id"]]
        by = self.stage.actor(doctor)
        session = access.load_session(session_id, by=by)
        match what:
            case "start":
                sessions.start(session, by=by, video=video)
            case "end":
                sessions.end(session, by=by, video=video)
            case "cancel":
                sessions.cancel(session, by=by)
            case "link":
                links.make(session, by=by)
            case "withdraw":
                consents.decide(session, False, by=self.stage.actor(patient), video=video)
            case "reconcile":
                reconcile.run(video=video)
            case "chores":
                chores.run(video=video)
            case "deliver":
                while video.pending:
                    self.hear(video.pending.pop())
            case "come in":
                video.come_in(session.room, presence.identity(session, session.patient_id))
            case _:
                key = doctor if what == "no doctor" else patient
                user = access.load_person(self.stage.ids[key], by=self.stage.actor("sam"))
                if user.active:
                    people.set_active(user, False, by=SYSTEM)
