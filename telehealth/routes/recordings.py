"""Recordings: the patient's answer, the pieces that the doctor's browser sends, and playing them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, jsonify, render_template, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from pydantic import Field

from telehealth import access, compositions, consents, playback, recording_files, recordings, video
from telehealth.errors import NotFound
from telehealth.models import Recording, Session
from telehealth.routes import actor, in_call, passive, see_other, speaks_json, takes
from telehealth.routes.shapes import Shape, Text, read_body

blueprint = Blueprint("recordings", __name__, url_prefix="/telemedicine/<session_id>")

LONGEST = 24 * 3600
NUMBER_DIGITS = 7


class ConsentBody(Shape):
    """The patient's answer; it can be changed at any time."""

    agreed: bool


class BeginBody(Shape):
    """A recording that begins; the browser gives the id, so that it may ask twice."""

    id: Text = Field(pattern="^[0-9a-f]{20}$")
    media_type: Text = Field(max_length=40)


class FinishBody(Shape):
    """How long the recording is that has been sent whole."""

    duration_seconds: int = Field(ge=0, le=LONGEST)


@blueprint.post("/call/consent")
@in_call
@speaks_json
def consent(session_id: str) -> ResponseReturnValue:
    """The patient agrees to a recording, or does not."""
    session = access.load_session(session_id, by=actor(), action="consent")
    consents.decide(session, read_body(ConsentBody).agreed, by=actor(), video=video.provider())
    session = access.load_session(session_id, by=actor(), action="consent")
    return jsonify(recording=standing_out(session))


@blueprint.post("/call/recordings")
@in_call
@passive
@speaks_json
def begin(session_id: str) -> ResponseReturnValue:
    """The doctor's browser begins to record."""
    session, body = _load_session(session_id, "begin"), read_body(BeginBody)
    recording = recordings.begin(
        session, body.id, by=actor(), media_type=body.media_type, video=video.provider()
    )
    return jsonify(id=recording.id, next=recording.next_piece), 201


@blueprint.post("/call/recordings/<recording_id>/pieces/<number>")
@in_call
@passive
@speaks_json
@takes(recordings.PIECE_MOST)
def add_piece(session_id: str, recording_id: str, number: str) -> ResponseReturnValue:
    """One piece, as it is; the answer names the one that comes after it."""
    session, recording = _load(session_id, recording_id, "add")
    if not number.isascii() or not number.isdigit() or len(number) > NUMBER_DIGITS:
        raise NotFound()
    data = request.get_data(cache=False)
    return jsonify(next=recordings.add_piece(session, recording, int(number), data, by=actor()))


@blueprint.post("/call/recordings/<recording_id>/finish")
@in_call
@passive
@speaks_json
def finish(session_id: str, recording_id: str) -> ResponseReturnValue:
    """The doctor's browser has sent all there is."""
    session, recording = _load(session_id, recording_id, "finish")
    body = read_body(FinishBody)
    recording = recordings.finish(session, recording, by=actor(), duration=body.duration_seconds)
    return jsonify(status=recording.status)


@blueprint.get("/recordings/<recording_id>")
def show(session_id: str, recording_id: str) -> ResponseReturnValue:
    """The page that plays it."""
    session, recording = _load_to_read(session_id, recording_id)
    if playback.is_there(recording):
        playback.note_reading(session, recording, by=actor(), more=False)
    goes_on = compositions.goes_on(recording)
    return render_template(
        "telemedicine/recording.html", session=session, recording=recording, goes_on=goes_on
    )


@blueprint.get("/recordings/<recording_id>/media")
def media(session_id: str, recording_id: str) -> ResponseReturnValue:
    """Its bytes, or the part of them that a player asks for."""
    session, recording = _load_to_read(session_id, recording_id)
    wanted, download = request.headers.get("Range"), request.args.get("download") == "1"
    found = playback.media(recording, video=video.provider(), byte_range=wanted)
    how = "downloaded" if download else ""
    playback.note_reading(session, recording, by=actor(), how=how, more=bool(wanted))
    if isinstance(found, Path):
        answer = send_file(found, mimetype=recording.media_type, conditional=True)
    else:
        answer = Response(found.chunks, found.status, found.headers, recording.media_type)
    name = f"recording-{recording.id[:8]}.{recording_files.SUFFIXES[recording.media_type]}"
    answer.headers.set("Content-Disposition", "attachment" if download else "inline", filename=name)
    return answer


@blueprint.post("/recordings/<recording_id>/delete")
def delete(session_id: str, recording_id: str) -> ResponseReturnValue:
    """Delete it for good."""
    session, recording = _load(session_id, recording_id, "delete")
    recordings.delete(session, recording, by=actor(), video=video.provider())
    flash(_("The recording is deleted."), "success")
    return see_other("telemedicine.show", session_id=session.id)


def standing_out(session: Session) -> dict[str, Any]:
    """How it stands with the recording, for the call page."""
    return asdict(recordings.standing(session, video=video.provider()))


def _load_session(session_id: str, action: str) -> Session:
    return access.load_session(session_id, by=actor(), action=f"recording.{action}")


def _load(session_id: str, recording_id: str, action: str) -> tuple[Session, Recording]:
    session = _load_session(session_id, action)
    return session, recordings.load(session, recording_id, by=actor(), action=action)


def _load_to_read(session_id: str, recording_id: str) -> tuple[Session, Recording]:
    session, recording = _load(session_id, recording_id, "read")
    if recording.deleted_at is not None:
        raise NotFound()
    return session, recording
