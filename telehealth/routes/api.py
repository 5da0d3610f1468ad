"""JSON API, version 1: the same operations as behind the pages, for programs."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, current_app, jsonify, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import bindparam, tuple_

from telehealth import access, audit, cards, history, links, planning, sessions, video, visits
from telehealth.errors import Invalid, NotAllowed
from telehealth.models import Role, Session, Visit
from telehealth.routes import actor, check_in_call, in_call, passive, public
from telehealth.routes.api_shapes import (
    CancelRequest,
    Error,
    History,
    LinkOut,
    NewSession,
    NewVisit,
    SessionList,
    SessionOut,
    SessionQuery,
    TicketOut,
    TokenRequest,
    VisitList,
    VisitOut,
    VisitQuery,
    session_out,
    ticket_out,
    visit_out,
)
from telehealth.routes.openapi import Api
from telehealth.routes.telemedicine import link_url
from telehealth.times import iso

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
api = Api(blueprint, Error)

VISITS_MOST = 500

_session = Session.__table__.c
_CURSOR = tuple_(bindparam("cursor_at", type_=_session.created_at.type), bindparam("cursor_id"))
_WANTED = {
    "status": _session.status == bindparam("status"),
    "visit_id": _session.visit_id == bindparam("visit_id"),
    "cursor": tuple_(_session.created_at, _session.id) < _CURSOR,
}
_NEWEST_FIRST = (_session.created_at.desc(), _session.id.desc())


@api.endpoint("GET", "/telemedicine/", SessionList, query=SessionQuery)
def list_sessions(query: SessionQuery) -> dict[str, Any]:
    """List sessions, newest first: doctors and patients their own, staff all."""
    wanted = [rule for name, rule in _WANTED.items() if getattr(query, name)]
    values = {"status": query.status, "visit_id": query.visit_id, **_cursor(query.cursor)}
    found = cards.load_sessions(*wanted, by=actor(), order=_NEWEST_FIRST, most=query.limit + 1, values=values)
    cards.add_presence(found)
    cards.add_recordings(found)
    page, more = found[: query.limit], len(found) > query.limit
    return {
        "results": [session_out(one, actor()) for one in page],
        "next": _write_cursor(page[-1].created_at, page[-1].id) if more else None,
    }


@api.endpoint("POST", "/telemedicine/", SessionOut, status=201, errors=(403, 404, 409), body=NewSession)
def create_session(body: NewSession) -> tuple[dict[str, Any], dict[str, str]]:
    """Plan a session of an OPEN visit, by its doctor. Clashes in the doctor's day are `warnings`."""
    visit = _load_visit(body.visit_id, "session.create")
    session = sessions.create(
        visit,
        by=actor(),
        scheduled_start=body.scheduled_start,
        recording_enabled=body.recording_enabled,
        notes=body.notes,
    )
    clashes = [one for one in planning.clashes(visit, session.scheduled_start) if one.id != session.id]
    found = session_out(session, actor())
    found["warnings"] = [{"id": one.id, "scheduled_start": iso(one.scheduled_start)} for one in clashes]
    return found, {"Location": url_for("api.get_session", session_id=session.id)}


# As long as every id is: "token" beside it is the name of no session.
@api.endpoint("GET", "/telemedicine/<string(length=20):session_id>/", SessionOut, errors=(404,))
def get_session(session_id: str) -> dict[str, Any]:
    """One session, for its doctor, its patient and staff."""
    session = cards.load_session(session_id, by=actor())
    audit.record("session.read", by=actor(), object_type="session", object_id=session.id)
    return session_out(session, actor())


@api.endpoint("POST", "/telemedicine/<session_id>/start/", SessionOut, errors=(403, 404, 409, 502, 503))
def start_session(session_id: str) -> dict[str, Any]:
    """Start a SCHEDULED session, by its doctor."""
    session = access.load_session(session_id, by=actor(), action="start")
    return session_out(sessions.start(session, by=actor(), video=video.provider()), actor())


# A page asks for it by itself whenever its line was lost.
@in_call
@passive
@api.endpoint("POST", "/telemedicine/token/", TicketOut, errors=(403, 404, 409, 502, 503), body=TokenRequest)
def create_token(body: TokenRequest) -> dict[str, Any]:
    """All a browser needs to connect: doctor IN_PROGRESS, patient also SCHEDULED."""
    check_in_call(body.session_id)
    session = access.load_session(body.session_id, by=actor(), action="join", bare=True)
    ticket = sessions.ticket(session, by=actor(), video=video.provider())
    return ticket_out(ticket, url_for("call.show", session_id=session.id))


@in_call
@api.endpoint("POST", "/telemedicine/<session_id>/leave/", SessionOut, errors=(403, 404))
def leave_session(session_id: str) -> dict[str, Any]:
    """Leave the call; the session stays active. Harmless twice."""
    session = access.load_session(session_id, by=actor(), action="leave")
    return session_out(sessions.leave(session, by=actor()), actor())


@in_call
@api.endpoint("POST", "/telemedicine/<session_id>/end/", SessionOut, errors=(403, 404, 409))
def end_session(session_id: str) -> dict[str, Any]:
    """End an IN_PROGRESS session for everybody, by its doctor."""
    session = access.load_session(session_id, by=actor(), action="end")
    return session_out(sessions.end(session, by=actor(), video=video.provider()), actor())


@api.endpoint(
    "POST",
    "/telemedicine/<session_id>/cancel/",
    SessionOut,
    errors=(403, 404, 409),
    body=CancelRequest,
)
def cancel_session(session_id: str, body: CancelRequest) -> dict[str, Any]:
    """Cancel a SCHEDULED session, by its doctor or staff."""
    session = access.load_session(session_id, by=actor(), action="cancel")
    return session_out(sessions.cancel(session, by=actor(), reason=body.reason), actor())


@api.endpoint("GET", "/telemedicine/<session_id>/history/", History, errors=(403, 404))
def session_history(session_id: str) -> dict[str, Any]:
    """What happened to a session, newest first, for its doctor and staff."""
    session = access.load_session(session_id, by=actor(), action="history")
    if actor().role == Role.PATIENT:
        raise NotAllowed(action="session.history", object_type="session", object_id=session.id)
    return {
        "results": [
            {
                "at": iso(line.at),
                "action": line.action,
                "actor_role": line.actor_role,
                "outcome": line.outcome,
            }
            for line in history.of(session, by=actor())
        ]
    }


@api.endpoint("POST", "/telemedicine/<session_id>/link/", LinkOut, status=201, errors=(403, 404, 409))
def create_link(session_id: str) -> dict[str, Any]:
    """A new link for the patient; links made before stop working."""
    session = access.load_session(session_id, by=actor(), action="link")
    token, link = links.make(session, by=actor())
    return {"url": link_url(token), "expires_at": iso(link.expires_at)}


@api.endpoint("GET", "/visits/", VisitList, query=VisitQuery)
def list_visits(query: VisitQuery) -> dict[str, Any]:
    """Visits, newest first, 500 at a time: one's own, staff all."""
    found = visits.listing(query.status, by=actor(), most=VISITS_MOST + 1, **_cursor(query.cursor))
    page, more = found[:VISITS_MOST], len(found) > VISITS_MOST
    return {
        "results": [visit_out(one) for one in page],
        "next": _write_cursor(page[-1].opened_at, page[-1].id) if more else None,
    }


@api.endpoint("GET", "/visits/<visit_id>/", VisitOut, errors=(404,))
def get_visit(visit_id: str) -> dict[str, Any]:
    """One visit."""
    visit = _load_visit(visit_id, "read")
    audit.record("visit.read", by=actor(), object_type="visit", object_id=visit.id)
    return visit_out(visit)


@api.endpoint("POST", "/visits/", VisitOut, status=201, errors=(403,), body=NewVisit)
def create_visit(body: NewVisit) -> tuple[dict[str, Any], dict[str, str]]:
    """Open a visit: staff for any doctor, a doctor for themselves."""
    visit = visits.open_visit(body.patient_id, body.doctor_id, body.reason, by=actor())
    headers = {"Location": url_for("api.get_visit", visit_id=visit.id)}
    return visit_out(_load_visit(visit.id, "read")), headers


@api.endpoint("POST", "/visits/<visit_id>/close/", VisitOut, errors=(403, 404, 409))
def close_visit(visit_id: str) -> dict[str, Any]:
    """Close a visit, by its doctor or staff; not while a session of it is open."""
    visits.close(_load_visit(visit_id, "close"), by=actor())
    return visit_out(_load_visit(visit_id, "read"))


@blueprint.get("/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """The description of all this, made from the code that runs."""
    from telehealth import __version__

    description = api.describe("Telehealth", __version__)
    scheme = description["components"]["securitySchemes"]["cookie"]
    scheme["name"] = current_app.config["SIGN_IN_COOKIE"]
    return jsonify(description)


@blueprint.get("/docs")
@public
def docs() -> ResponseReturnValue:
    """The same for people, from our own host alone."""
    from telehealth import __version__

    return render_template("api/docs.html", api=api.describe("Telehealth", __version__))


def _load_visit(visit_id: str, action: str) -> Visit:
    return access.load_visit(visit_id, by=actor(), action=action)


def _write_cursor(moment: datetime, object_id: str) -> str:
    raw = f"{moment.isoformat()} {object_id}"
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _cursor(cursor: str | None) -> dict[str, Any]:
    if not cursor:
        return {}
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        at, object_id = base64.urlsafe_b64decode(padded).decode().split(" ")
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None or not object_id.isalnum():
            raise ValueError
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(fields={"cursor": ["not one of ours"]}) from None
    return {"cursor_at": moment, "cursor_id": object_id}
