"""The visitors of the access table, and fresh objects for each of their requests."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from secrets import token_hex
from typing import Any

from flask import Flask
from sqlalchemy import update
from support.cast import PASSWORD, Clinic, Person
from support.pages import Visitor
from werkzeug.test import TestResponse

from routes import access_table
from telehealth import (
    api_tokens,
    calls,
    clock,
    consents,
    links,
    people,
    presence,
    recordings,
    sessions,
    store,
    video,
    visits,
)
from telehealth.access import SYSTEM, Actor
from telehealth.extensions import db
from telehealth.models import Role, Session, SignIn, User, Visit
from telehealth.origin import Origin
from telehealth.secret import digest
from telehealth.video.peer import PeerProvider

REASON, NOTES = "zqReason", "zqNotes"

NAMES = ("Ana Lima", "ana@people.example")
FORBIDDEN = {
    "nobody": (REASON, NOTES, "Grey", "grey@clinic.example", *NAMES),
    "grey": (),
    "house": (REASON, NOTES, "Grey", "grey@clinic.example", *NAMES),
    "ana": (NOTES, "grey@clinic.example"),
    "ben": (REASON, NOTES, "Grey", "grey@clinic.example", *NAMES),
    "sam": (NOTES,),
    "link": (REASON, NOTES, "grey@clinic.example"),
    "other": (REASON, NOTES, "Grey", "grey@clinic.example"),
}
"""What no answer to this kind of visitor may hold."""

RUNNING = ("/end", "/leave", "/call", "token/", "/recordings")
"""Rows that need a session IN_PROGRESS for everything but the person to be right."""


@dataclass
class Guest:
    """One kind of visitor: what their browser or program sends with each request."""

    key: str
    column: str
    user: Actor | None = None
    headers: dict[str, str] = field(default_factory=dict)
    program: bool = False


@dataclass(frozen=True)
class Scene:
    """The objects that a request is about; `grey` and `ana` are their pages in the call."""

    visit_id: str
    session_id: str
    user_id: str
    link: str
    link_cookie: str
    invitation: str
    recording_id: str
    grey: str = field(default_factory=lambda: token_hex(10))
    ana: str = field(default_factory=lambda: token_hex(10))


class House:
    """The application with the cast at their browsers."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.cast = {key: Person(app, key) for key in ("dr_grey", "dr_house", "ana", "ben", "sam")}
        self.clinic = Clinic(app, lambda key: self.cast[key])
        self.guests: dict[str, Guest] = {}
        self._people = 0
        self._sign_everybody_in()

    def scene(self, row: str, doctor: str = "dr_grey", patient: str = "ana") -> Scene:
        """Objects of these two, at the moment that is right for this row."""
        grey, ana = self.cast[doctor].actor, self.cast[patient].actor
        with self.app.app_context():
            visit = visits.open_visit(ana.user_id or "", grey.user_id or "", REASON, by=grey)
            start = clock.now() + timedelta(hours=1)
            session = sessions.create(
                visit, by=grey, scheduled_start=start, notes=NOTES, recording_enabled=True
            )
            token, link = links.make(session, by=grey)
            link_cookie = links.sign_in(link, Origin())
            user, invitation = self._somebody()
            scene = Scene(visit.id, session.id, user, token, link_cookie, invitation, token_hex(10))
            if any(part in row for part in RUNNING):
                session = sessions.start(session, by=grey, video=video.provider())
                calls.enter(session, scene.grey, by=grey)
                calls.enter(session, scene.ana, by=ana)
            if "/recordings" in row:
                self._record(session, scene, grey, ana, finished="/call" not in row)
            if "close" in row:
                sessions.cancel(session, by=grey)
            return scene

    def _record(self, session: Session, scene: Scene, grey: Actor, ana: Actor, *, finished: bool) -> None:
        service = video.provider()
        consents.decide(session, True, by=ana, video=service)
        recording = recordings.begin(
            session, scene.recording_id, by=grey, media_type="video/webm", video=service
        )
        if finished:
            recordings.add_piece(session, recording, 0, b"zqPiece", by=grey)
            recordings.finish(session, recording, by=grey, duration=1)

    def rewrite(self, scene: Scene, text: str) -> None:
        """Let this stand wherever somebody wrote about the objects of the scene."""
        with self.app.app_context(), store.transaction():
            db.session.execute(update(Visit).where(Visit.id == scene.visit_id).values(reason=text))
            values = {"notes": text, "cancel_reason": text}
            db.session.execute(update(Session).where(Session.id == scene.session_id).values(**values))

    def ask(
        self, guest: Guest, row: str, scene: Scene, *, way: str = "page", path: str = "", **instead: Any
    ) -> TestResponse:
        """Send what is right for this row, as this visitor; or something else, where that is given."""
        method, _space, rule = row.partition(" ")
        client = self.app.test_client(use_cookies=False)
        headers = {**guest.headers, **access_table.WAYS[way]}
        more = self.body(rule, guest, scene) if method == "POST" and row in access_table.read() else {}
        if rule.endswith("/inbox"):
            more = {"query_string": {"participant": _participant(guest, scene)}}
        more.update(instead)
        return client.open(
            path or path_of(rule, scene), method=method, headers=headers, buffered=True, **more
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the quicker one of the two databases."""
        with self.app.app_context():
            return not store.is_postgresql()

    def column(self, key: str) -> str:
        """Where this visitor stands in the table."""
        return "link" if key == "link" else self.guests[key].column

    def status_of(self, scene: Scene) -> str:
        """The session of the scene, as it stands now."""
        return self.clinic.now(scene.session_id).status

    def sign_in(self, guest: Guest) -> None:
        """Give somebody a new sign-in, as after a sign-out."""
        if guest.key == "other":
            self._add_other_link()
            return
        person = self.cast[guest.key]
        person.sign_in(person.part.email, PASSWORD)
        guest.headers = _browser(person)

    def _sign_everybody_in(self) -> None:
        self.guests["stranger"] = Guest("stranger", "nobody", headers=_browser(self._visitor()))
        for key, person in self.cast.items():
            column = key.removeprefix("dr_")
            self.guests[key] = Guest(key, column, person.actor)
            self.sign_in(self.guests[key])
            with self.app.app_context():
                user = db.session.get_one(User, person.id)
                token = api_tokens.create(user, "test", by=SYSTEM)
            self.guests[f"{key}_token"] = Guest(
                f"{key}_token", column, person.actor, {"Authorization": f"Bearer {token}"}, program=True
            )
        self._add_expired()
        self._add_deactivated()
        self._add_other_link()

    def _add_expired(self) -> None:
        visitor = self._visitor()
        visitor.sign_in(self.cast["dr_grey"].part.email, PASSWORD)
        self.guests["expired"] = Guest("expired", "nobody", headers=_browser(visitor))
        with self.app.app_context():
            entry = update(SignIn).where(SignIn.token_hash == _hash(visitor))
            db.session.execute(entry.values(last_used_at=clock.now() - timedelta(minutes=16)))
            db.session.commit()

    def _add_deactivated(self) -> None:
        details = people.Details("gone@clinic.example", "Dr Gone")
        with self.app.app_context():
            user = people.create(Role.STAFF, details, by=SYSTEM, password=PASSWORD)
        visitor = self._visitor()
        visitor.sign_in(details.email, PASSWORD)
        with self.app.app_context():
            token = api_tokens.create(user, "test", by=SYSTEM)
            # Past the operation, which would end the sign-in too: each of the two must be enough.
            db.session.execute(update(User).where(User.id == user.id).values(active=False))
            db.session.commit()
        self.guests["deactivated"] = Guest("deactivated", "nobody", headers=_browser(visitor))
        self.guests["deactivated_token"] = Guest(
            "deactivated_token", "nobody", headers={"Authorization": f"Bearer {token}"}, program=True
        )

    def _add_other_link(self) -> None:
        self._people += 1
        details = people.Details(f"third{self._people}@clinic.example", "Dr Third")
        with self.app.app_context():
            third = people.create(Role.DOCTOR, details, by=SYSTEM)
            by = Actor(third.id, Role.DOCTOR)
            visit = visits.open_visit(self.cast["ana"].id, third.id, "Ear ache", by=by)
            start = clock.now() + timedelta(hours=1)
            session = sessions.create(visit, by=by, scheduled_start=start)
            _token, link = links.make(session, by=by)
            self.guests["other"] = self._by_link("other", links.sign_in(link, Origin()))

    def by_link(self, scene: Scene) -> Guest:
        """Somebody who came by the link into the session of the scene."""
        return self._by_link("link", scene.link_cookie)

    def _by_link(self, key: str, secret: str) -> Guest:
        headers = dict(self.guests["stranger"].headers)
        headers["Cookie"] += f"; sign_in={secret}"
        return Guest(key, key, self.cast["ana"].actor, headers)

    def _visitor(self) -> Visitor:
        return Visitor(self.app.test_client())

    def _somebody(self) -> tuple[str, str]:
        self._people += 1
        details = people.Details(f"new{self._people}@people.example", "Nora New")
        user = people.create(Role.PATIENT, details, by=SYSTEM)
        return user.id, people.invite(user, by=SYSTEM)

    def body(self, rule: str, guest: Guest, scene: Scene) -> dict[str, Any]:
        """What is right to post to this rule."""
        if rule.startswith("/api/"):
            return {"json": found} if (found := self._json(rule, scene)) else {}
        if rule.endswith("/<number>"):
            return {"data": b"zqPiece", "content_type": "application/octet-stream"}
        if "/call/" in rule:
            return {"json": self._of_call(rule.rpartition("/")[2], guest, scene)}
        return {"data": self._form(rule, guest)}

    def _json(self, rule: str, scene: Scene) -> dict[str, Any] | None:
        later = (clock.now() + timedelta(days=1)).isoformat()
        asked = {"patient_id": self.cast["ana"].id, "doctor_id": self.cast["dr_grey"].id}
        return {
            "/api/v1/telemedicine/": {"visit_id": scene.visit_id, "scheduled_start": later},
            "/api/v1/telemedicine/token/": {"session_id": scene.session_id},
            "/api/v1/visits/": {**asked, "reason": "Ear ache"},
        }.get(rule)

    def _of_call(self, step: str, guest: Guest, scene: Scene) -> dict[str, Any]:
        me = _participant(guest, scene)
        other = scene.grey if me == scene.ana else scene.ana
        if step == "enter":
            return {"participant": me, "token": self._ticket(guest, scene)}
        message = {"to": other, "id": "1", "body": {"restart": True}}
        return {
            "signal": {"participant": me, "messages": [message]},
            "presence": {"participant": me, "state": "connected"},
            "leave": {"participant": me},
            "room": {"participant": me},
            "consent": {"agreed": True},
            "recordings": {"id": token_hex(10), "media_type": "video/webm"},
            "finish": {"duration_seconds": 1},
        }[step]

    def _ticket(self, guest: Guest, scene: Scene) -> str:
        with self.app.app_context():
            session = db.session.get_one(Session, scene.session_id)
            by = guest.user or Actor(None, "stranger")
            embedded = PeerProvider(self.app.config["SETTINGS"])
            return embedded.ticket(session.room, presence.identity(session, by.user_id)).token

    def _form(self, rule: str, guest: Guest) -> dict[str, str]:
        later = (clock.now() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
        person = {"name": "Nora New", "email": f"n{self._people}@people.example"}
        data = {
            "/invitation/<token>": {"password": PASSWORD, "password_again": PASSWORD},
            "/visits/new": {
                # A visit of Ana's with Dr House would give him a right to her name.
                "patient_id": self.cast["ben" if guest.column == "house" else "ana"].id,
                **({"doctor_id": self.cast["dr_grey"].id} if guest.column == "sam" else {}),
                "reason": "Ear ache",
            },
            "/visits/<visit_id>/telemedicine": {"scheduled_start": later, "confirm_clash": "y"},
            "/admin/people/new": {**person, "role": "doctor"},
            "/admin/people/<user_id>": person,
        }.get(rule, {})
        return {**data, "csrf_token": guest.headers.get("X-CSRFToken", "")}


def _participant(guest: Guest, scene: Scene) -> str:
    return scene.grey if guest.column == "grey" else scene.ana


def path_of(rule: str, scene: Scene) -> str:
    """The address of this rule about the objects of the scene."""
    token = scene.invitation if rule.startswith("/invitation") else scene.link
    values = {
        "visit_id": scene.visit_id,
        "session_id": scene.session_id,
        "user_id": scene.user_id,
        "token": token,
        "recording_id": scene.recording_id,
        "number": "0",
        "version": "any",
        "path:path": "app.css",
        "carrier": "twilio",
        "what": "room",
    }
    return re.sub(r"<([\w:]+)>", lambda found: values[found[1]], rule)


def _browser(visitor: Visitor) -> dict[str, str]:
    """What a browser sends by itself, and the token that its pages carry."""
    token = visitor.csrf_token()
    cookies = [visitor.client.get_cookie(name) for name in ("sign_in", "page")]
    return {
        "Cookie": "; ".join(f"{one.key}={one.value}" for one in cookies if one),
        "X-CSRFToken": token,
    }


def _hash(visitor: Visitor) -> str:
    cookie = visitor.client.get_cookie("sign_in")
    assert cookie is not None
    return digest(cookie.value)
