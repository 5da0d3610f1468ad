"""The one error handler: every refusal becomes a page, a fragment or JSON, and is audited if it must."""

from __future__ import annotations

import logging
import traceback
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, SecurityError

from telehealth import audit
from telehealth.access import Actor
from telehealth.errors import (
    Denied,
    Invalid,
    NotAllowed,
    NotFound,
    Refusal,
    TooLarge,
    TooMany,
    Unauthenticated,
)
from telehealth.extensions import db
from telehealth.routes import is_fragment

log = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Answer for every refusal, every HTTP error and every fault."""
    app.register_error_handler(Refusal, on_refusal)
    app.register_error_handler(CSRFError, on_csrf)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(Exception, on_fault)


def on_refusal(refusal: Refusal) -> ResponseReturnValue:
    """The refusal in the form that was asked for."""
    db.session.rollback()
    if isinstance(refusal, Denied) and refusal.action and g.get("actor"):
        _write_down(refusal, g.actor)
    # A page that opens its stream too late would show JSON: it is led to the sign-in page instead.
    if isinstance(refusal, Unauthenticated) and (is_fragment() or not speaks_json()):
        return _to_sign_in()
    if speaks_json():
        return as_json(refusal)
    return _as_html(refusal)


def on_csrf(_error: CSRFError) -> ResponseReturnValue:
    """A form without its token: kept too long, or not ours."""
    words = _("This page was open for too long. Load it again, then try once more.")
    return on_refusal(Invalid(words))


def on_http(error: HTTPException) -> ResponseReturnValue:
    """What the framework refuses by itself, in our own words."""
    if error.code is not None and 300 <= error.code < 400:
        return error
    if isinstance(error, SecurityError):
        # Asked for under a name that is not ours: there is no address that a page could link to.
        return Response("This host is not served here.\n", 400, mimetype="text/plain")
    if isinstance(error, RequestEntityTooLarge):
        return on_refusal(TooLarge())
    if error.code == 404:
        return on_refusal(NotFound())
    refusal = NotAllowed() if error.code in (401, 403) else Invalid()
    refusal.status = error.code or 400
    answer = current_app.make_response(on_refusal(refusal))
    if error.code == 405 and getattr(error, "valid_methods", None):
        answer.headers["Allow"] = ", ".join(error.valid_methods)  # type: ignore[attr-defined]
    return answer


def on_fault(fault: Exception) -> ResponseReturnValue:
    """Our own fault: logged by class and place, told without details."""
    db.session.rollback()
    log.error("fault in %s: %s at %s", request.endpoint, type(fault).__name__, _places(fault))
    refusal = Refusal(_("Something went wrong on our side. Nothing you wrote is at fault."))
    refusal.status, refusal.code = 500, "fault"
    return on_refusal(refusal)


def speaks_json() -> bool:
    """Whether the one who asks is a program."""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.path.startswith("/api/") or getattr(view, "speaks_json", False)


def as_json(refusal: Refusal) -> ResponseReturnValue:
    """`{"error": {"code", "message", "fields"}}`."""
    error: dict[str, Any] = {"code": refusal.code, "message": refusal.message}
    if isinstance(refusal, Invalid):
        error["fields"] = refusal.fields
    answer = current_app.json.response({"error": error})
    answer.status_code = refusal.status
    _add_headers(answer, refusal)
    if refusal.status == 401:
        answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _as_html(refusal: Refusal) -> ResponseReturnValue:
    """The page or the fragment. A refusal that knows its session shows the present state."""
    session = getattr(refusal, "session", None)
    context = {
        "status": refusal.status,
        "words": refusal.message,
        "title": _title(refusal.status),
        "session": session,
        "fields": getattr(refusal, "fields", {}),
    }
    if is_fragment():
        name = "telemedicine/_session_card.html" if session else "errors/_notice.html"
        context["notice"] = {"tone": "wait", "text": refusal.message}
    else:
        name = "errors/link_over.html" if refusal.status == 410 else "errors/error.html"
    answer = current_app.make_response((render_template(name, **context), refusal.status))
    _add_headers(answer, refusal)
    return answer


def _to_sign_in() -> ResponseReturnValue:
    if is_fragment():
        here = request.headers.get("HX-Current-URL", "")
        to = url_for("auth.sign_in", next=_path_of(here))
        return current_app.response_class(status=401, headers={"HX-Redirect": to})
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    # The cookie stays: a call that goes on in another tab still needs it.
    return redirect(url_for("auth.sign_in", next=wanted), 303)


def _path_of(url: str) -> str | None:
    try:
        return urlsplit(url).path or None
    except ValueError:
        return None


def _write_down(refusal: Denied, who: Actor) -> None:
    audit.record(
        refusal.action or "",
        by=who,
        object_type=refusal.object_type or "",
        object_id=refusal.object_id or "",
        outcome="denied",
        reason=refusal.code,
    )


def _add_headers(answer: Any, refusal: Refusal) -> None:
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_after)


def _title(status: int) -> str:
    titles = {
        403: _("You may not open this"),
        404: _("We cannot find this page"),
        409: _("Not possible right now"),
        410: _("This link no longer works"),
        429: _("Too many tries"),
        500: _("Something went wrong on our side"),
        502: _("The video service refused this"),
        503: _("The video service does not answer"),
    }
    return titles.get(status, _("This did not work"))


def _places(fault: Exception) -> str:
    """Where it happened. The text of a fault may hold what a person typed: it stays out of logs."""
    frames = traceback.extract_tb(fault.__traceback__)[-6:]
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
