"""A visit over which two kinds of callers race, and what must be true of it afterwards."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from unittest import mock

from flask import Flask

from support.apps import CHEAP
from support.cast import PASSWORD
from support.domain import page_id, rows
from support.wire import Wire
from telehealth import api_tokens, clock, links, passwords, people, sessions, sign_ins, video, visits
from telehealth.access import SYSTEM, Actor
from telehealth.extensions import db
from telehealth.models import (
    ApiToken,
    AuditEntry,
    Link,
    Participation,
    Role,
    Session,
    SignIn,
    Status,
    User,
    Visit,
)
from telehealth.origin import Origin

Work = Callable[[], list[tuple[int, str]]]

REFUSED = {401, 409, 410}
"""Too late: the sign-in is over, the session is not at that point, the link no longer works."""

JOINS = ("join by the link", "join as the patient", "join as the doctor")
"""The first two are of one person: the page that comes second takes the place of the other."""

ENTRIES = {
    "start": "session.start",
    "end": "session.end",
    "cancel": "session.cancel",
    **dict.fromkeys(JOINS, "session.token"),
    "make a link": "session.link",
    "enter by the link": "session.link_used",
    "close the visit": "visit.close",
}
"""What the audit holds of each time that it was done; of the others there is one entry or none."""

ENDS = {
    (Status.SCHEDULED, ()): Status.SCHEDULED,
    (Status.SCHEDULED, ("start",)): Status.IN_PROGRESS,
    (Status.SCHEDULED, ("end", "start")): Status.COMPLETED,
    (Status.SCHEDULED, ("cancel",)): Status.CANCELLED,
    (Status.IN_PROGRESS, ()): Status.IN_PROGRESS,
    (Status.IN_PROGRESS, ("end",)): Status.COMPLETED,
}
"""Where a session is by what was done with it; nothing else may have been done."""

ACTIONS = (
    *("start", "end", "cancel", *JOINS, "make a link", "revoke the link", "enter by the link"),
    *("deactivate", "close the visit"),
)


@dataclass
class Somebody:
    """A person of one round or more, until somebody deactivates them."""

    id: str
    token: str
    sign_in: str


class Track:
    """Where the races are run: staff hold the connections, each caller says on them who they are."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._count = 0
        self._people: dict[str, Somebody] = {}

    def lap(self, number: int) -> Lap:
        """A fresh visit, by turns with a session that has started, and with another one to be put out."""
        with self.app.app_context():
            doctor, patient = (self._person(role) for role in (Role.DOCTOR, Role.PATIENT))
            by = Actor(doctor.id, Role.DOCTOR)
            visit = visits.open_visit(patient.id, doctor.id, "A cough", by=by)
            session = sessions.create(visit, by=by, scheduled_start=clock.now())
            token, link = links.make(session, by=by)
            visitor = links.sign_in(link, Origin())
            if number % 2:
                session = sessions.start(session, by=by, video=video.provider())
            out = doctor if number % 4 > 1 else patient
            doors = {JOINS[0]: visitor, JOINS[1]: patient.sign_in, JOINS[2]: doctor.sign_in}
            return Lap(self.app, visit.id, session.id, session.status, doctor, token, doors, out.id)

    def _person(self, role: str) -> Somebody:
        known = self._people.get(role)
        if known is None or not db.session.get_one(User, known.id, populate_existing=True).active:
            self._count += 1
            details = people.Details(f"{role}{self._count}@clinic.example", f"{role} {self._count}")
            with mock.patch.object(passwords, "_hasher", CHEAP):
                user = people.create(role, details, by=SYSTEM, password=PASSWORD)
            sign_in = sign_ins.sign_in(details.email, PASSWORD, Origin())
            assert sign_in is not None
            known = Somebody(user.id, api_tokens.create(user, "race", by=SYSTEM), sign_in)
            self._people[role] = known
        return known


class Lap:
    """One race: what callers may do in it, and what is true of it."""

    def __init__(
        self,
        app: Flask,
        visit_id: str,
        session_id: str,
        status: str,
        doctor: Somebody,
        link: str,
        doors: dict[str, str],
        out: str,
    ) -> None:
        self.app, self.visit_id, self.session_id = app, visit_id, session_id
        self.status, self.out = status, out
        self._doctor, self._link, self._doors = doctor, link, doors
        self._before = self._entries()

    def work(self, action: str, wire: Wire) -> Work:
        """This action on this connection, to be done later."""
        api = f"/api/v1/telemedicine/{self.session_id}"
        page = f"/telemedicine/{self.session_id}"
        doctor = {"Authorization": f"Bearer {self._doctor.token}"}
        page_cookie, sign_in = sorted(wire.cookies)
        anybody = {"Cookie": f"{page_cookie}={wire.cookies[page_cookie]}"}
        known = {"Cookie": f"{anybody['Cookie']}; {sign_in}={self._doors.get(action, '')}"}
        path, sent, headers = {
            "start": (f"{api}/start/", None, doctor),
            "end": (f"{api}/end/", None, doctor),
            "cancel": (f"{api}/cancel/", None, {}),
            **dict.fromkeys(JOINS, (f"{page}/call/enter", {"participant": page_id()}, known)),
            "make a link": (f"{api}/link/", None, doctor),
            "revoke the link": (f"{page}/link/revoke", None, {}),
            "enter by the link": (f"/join/{self._link}", None, anybody),
            "deactivate": (f"/admin/people/{self.out}/deactivate", None, {}),
            "close the visit": (f"/api/v1/visits/{self.visit_id}/close/", None, {}),
        }[action]
        return lambda: [wire.ask("POST", path, sent, **headers)]

    def check(self, answers: list[tuple[str, int, str]]) -> None:
        """Whether what is there now is what the answers said."""
        strange = [one for one in answers if one[1] >= 400 and one[1] not in REFUSED]
        assert not strange, strange
        done = Counter(action for action, status, _text in answers if status < 400)
        with self.app.app_context():
            (session,) = rows(Session, Session.id == self.session_id)
            (visit,) = rows(Visit, Visit.id == self.visit_id)
            links_left = rows(Link, Link.session_id == self.session_id, Link.revoked_at.is_(None))
            here = rows(
                Participation, Participation.session_id == self.session_id, Participation.left_at.is_(None)
            )
            (out,) = rows(User, User.id == self.out)
            sign_ins_left = rows(SignIn, SignIn.user_id == self.out, SignIn.ended_at.is_(None))
            tokens_left = rows(ApiToken, ApiToken.user_id == self.out, ApiToken.revoked_at.is_(None))
        steps = tuple(sorted(done.keys() & {"start", "end", "cancel"}))
        assert session["status"] == ENDS[self.status, steps], (session, answers)
        assert all(done[step] == 1 for step in steps), answers
        is_open = session["status"] in Status.OPEN
        assert (visit["status"] == "CLOSED") == (done["close the visit"] == 1), answers
        assert not (is_open and visit["status"] == "CLOSED"), answers
        assert is_open or here == [], (here, answers)
        assert len({one["user_id"] for one in here}) == len(here), here
        assert len(links_left) <= 1, links_left
        if done["deactivate"]:
            assert not out["active"]
            assert sign_ins_left == tokens_left == [], (sign_ins_left, answers)
            assert [one for one in here if one["user_id"] == self.out] == [], answers
        self._check_entries(done, answers)

    def _check_entries(self, done: Counter[str], answers: list[tuple[str, int, str]]) -> None:
        entries = self._entries() - self._before
        for name in set(ENTRIES.values()):
            times = sum(done[action] for action, its in ENTRIES.items() if its == name)
            assert entries[name] == times, (name, entries, answers)
        assert entries["user.deactivate"] == min(done["deactivate"], 1), (entries, answers)
        assert entries["session.link_revoked"] <= min(done["revoke the link"], 1 + done["make a link"])

    def _entries(self) -> Counter[str]:
        about = AuditEntry.object_id.in_((self.session_id, self.visit_id, self.out))
        with self.app.app_context():
            found = rows(AuditEntry, about, AuditEntry.outcome == "ok")
        return Counter(row["action"] for row in found)
