"""The patient portal: what is coming up, what is past, and the way in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from telehealth import access, agenda, cards
from telehealth.models import Role
from telehealth.routes import actor, passive
from telehealth.routes.pages import fresh, part

blueprint = Blueprint("patient", __name__, url_prefix="/patient-portal")


@blueprint.get("/dashboard")
def dashboard() -> ResponseReturnValue:
    """Home: the next video visit."""
    return render_template("patient/dashboard.html", **part("patient/_next.html", **_next()))


@blueprint.get("/next")
@passive
def next_visit() -> ResponseReturnValue:
    """The next video visit alone, asked for again whenever something changed."""
    return fresh("patient/_next.html", **_next())


@blueprint.get("/telemedicine")
def sessions() -> ResponseReturnValue:
    """All video visits."""
    lists = _lists()
    page = lists["past"].page
    return render_template("patient/sessions.html", page=page, **part("patient/_sessions.html", **lists))


@blueprint.get("/telemedicine/list")
@passive
def session_list() -> ResponseReturnValue:
    """The lists alone, asked for again whenever something changed; `page` is of what is past."""
    return fresh("patient/_sessions.html", **_lists())


def _next() -> dict[str, Any]:
    access.require_role(actor(), (Role.PATIENT,), "portal.read")
    coming = agenda.coming(by=actor())
    return {"next_session": coming[0] if coming else None}


def _lists() -> dict[str, Any]:
    access.require_role(actor(), (Role.PATIENT,), "portal.read")
    past = agenda.past(by=actor(), page=request.args.get("page", 1, int))
    coming = agenda.coming(by=actor())
    cards.add_presence(coming)
    return {"coming": coming, "past": past}
