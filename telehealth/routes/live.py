"""The stream of the lists: tells a page that something of its owner's has changed."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Response

from telehealth import sign_ins
from telehealth.live import stream
from telehealth.live.stream import Event, Over
from telehealth.models import Role
from telehealth.routes import actor, in_call, passive, speaks_json

blueprint = Blueprint("live", __name__)


@blueprint.get("/live", endpoint="stream")
@in_call
@passive
@speaks_json
def stream_of() -> Response:
    """`changed`, whenever a session of this person (staff: any) changed."""
    who = actor()
    if who.only_session:
        topic = f"session:{who.only_session}"
    else:
        topic = "staff" if who.role == Role.STAFF else f"{who.role}:{who.user_id}"

    def news(heard: set[str]) -> Iterable[Event]:
        if not sign_ins.stands(who.sign_in_id):
            raise Over()
        return [Event("changed")] if heard else []

    return stream.respond((topic,), news)
