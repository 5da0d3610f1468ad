"""What a video provider tells us by calling: signed, and believed for nothing else."""

from __future__ import annotations

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from telehealth import attendance, compositions, reconcile, video
from telehealth.errors import NotFound
from telehealth.routes import public, signed, speaks_json

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


@blueprint.post("/<carrier>/<what>")
@public
@signed
@speaks_json
def hear(carrier: str, what: str) -> ResponseReturnValue:
    """An event of a room; 204 also for one that changes nothing, or the provider would repeat it."""
    provider = video.provider()
    if carrier != provider.name:
        raise NotFound()
    path = request.full_path.rstrip("?")
    event = provider.read_callback(path, request.form, dict(request.headers))
    if event is not None and event.recording_id:
        compositions.heard(event)
    elif event is not None:
        entered = attendance.apply(event)
        if entered is not None:
            reconcile.turn_away(entered, event.identity, video=provider)
    return "", 204
