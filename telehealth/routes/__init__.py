"""How it is asked: pages, fragments, JSON, commands.

Sign-in is the rule, `@public` the exception. One error handler answers for all three.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.middleware.proxy_fix import ProxyFix

from telehealth import api_tokens, sign_ins
from telehealth.access import Actor
from telehealth.errors import Invalid, NotFound, Unauthenticated
from telehealth.extensions import csrf
from telehealth.origin import Origin

View = TypeVar("View", bound=Callable[..., Any])

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
PRESSED = {"csrf_token", "reason"}
"""What comes with the press of a button: the form that all of them share in the layout."""


def public(view: View) -> View:
    """Open to everybody: no sign-in asked for."""
    view.public = True  # type: ignore[attr-defined]
    return view


def passive(view: View) -> View:
    """Asked for by a page on its own: nobody touched anything, so it keeps no idle sign-in alive."""
    view.passive = True  # type: ignore[attr-defined]
    return view


def in_call(view: View) -> View:
    """Part of a call, or what it is about: open to who is in it, when other pages ask for a new sign-in."""
    view.in_call = True  # type: ignore[attr-defined]
    return view


def speaks_json(view: View) -> View:
    """Answers programs: its errors are JSON."""
    view.speaks_json = True  # type: ignore[attr-defined]
    return view


def signed(view: View) -> View:
    """Called by a machine that signs what it says: a cookie gives no power here, and none is read."""
    view.signed = True  # type: ignore[attr-defined]
    return view


def filled_in(view: View) -> View:
    """Takes a form, which knows its own fields; every other page is sent a press and no more."""
    view.filled_in = True  # type: ignore[attr-defined]
    return view


def takes(most: int) -> Callable[[View], View]:
    """Takes bodies of up to so many bytes, where others take little."""

    def mark(view: View) -> View:
        view.takes = most  # type: ignore[attr-defined]
        return view

    return mark


def init_app(app: Flask) -> None:
    """Register every blueprint, the guard before them and the one error handler behind them."""
    from telehealth.routes import (
        api,
        auth,
        call,
        errors,
        headers,
        join,
        live,
        ops,
        packing,
        patient,
        recordings,
        staff,
        telemedicine,
        visits,
        webhooks,
    )

    proxies = app.config["SETTINGS"].trusted_proxies
    if proxies:
        # Of what else proxies tell PUBLIC_URL knows better.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=0, x_host=0)  # type: ignore[method-assign]
    app.before_request(guard)
    errors.init_app(app)
    # What is asked for last is done first: the headers are complete before a page is packed.
    packing.init_app(app)
    headers.init_app(app)
    for room in (
        auth,
        visits,
        telemedicine,
        call,
        recordings,
        live,
        patient,
        join,
        staff,
        api,
        ops,
        webhooks,
    ):
        app.register_blueprint(room.blueprint)


def guard() -> ResponseReturnValue | None:
    """Who asks? Nobody gets past without a sign-in, save to what is marked public."""
    g.request_id = secrets.token_hex(8)
    g.actor = None
    _refuse_unreadable()
    if request.endpoint == "static_file":
        return None
    view = current_app.view_functions.get(request.endpoint or "")
    by_signature = getattr(view, "signed", False)
    if not by_signature:
        g.actor = _identify(view)
    if view is None:
        return None
    if g.actor is None and not getattr(view, "public", False):
        raise Unauthenticated()
    _refuse_nul()
    if hasattr(view, "takes"):
        request.max_content_length = view.takes
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    if request.path.startswith("/api/") and has_body and not request.is_json:
        raise Invalid(_("Send JSON, with Content-Type: application/json."))
    if request.method in CHANGING and not _is_bearer() and not by_signature:
        csrf.protect()
        _refuse_foreign(view)
    return None


def origin() -> Origin:
    """Where this request comes from; the address is the socket's unless proxies are trusted."""
    agent = request.headers.get("User-Agent", "")
    return Origin(request.remote_addr or "", agent, g.request_id)


def actor() -> Actor:
    """Who is asking; there is somebody on every view that is not public."""
    found: Actor = g.actor
    return found


def check_in_call(session_id: str) -> None:
    """Where the session stands in the body: who lives on in a call alone may ask about that one.

    Raises Unauthenticated.
    """
    view = current_app.view_functions[request.endpoint or ""]
    if actor().lives_on and _by_cookie(view, session_id) is None:
        raise Unauthenticated()


def is_fragment() -> bool:
    """Whether a part of a page is asked for, not a whole one."""
    asked = request.headers.get("HX-Request") == "true"
    return asked and request.headers.get("HX-History-Restore-Request") != "true"


def is_ahead() -> bool:
    """Whether the browser prepares the page by itself, before anybody opens it."""
    return "prefetch" in request.headers.get("Sec-Purpose", "")


def begin_sign_in(answer: ResponseReturnValue, token: str) -> ResponseReturnValue:
    """Let the answer begin a sign-in; the one before in this browser ends.

    Another person gets a new page cookie too, so that nothing that was planted before lives on. For
    the same person it stays: their call may be open in another tab, and goes on.
    """
    before = request.cookies.get(current_app.config["SIGN_IN_COOKIE"], "")
    same = bool(before) and sign_ins.same_person(before, token)
    if g.actor:
        sign_ins.sign_out(g.actor, stay_in_call=same)
    if not same:
        session.clear()
    response = current_app.make_response(answer)
    set_sign_in_cookie(response, token)
    return response


def set_sign_in_cookie(response: Any, token: str, max_age: int | None = None) -> None:
    """Give the browser its sign-in; ends with the browser, HttpOnly, Lax."""
    response.set_cookie(
        current_app.config["SIGN_IN_COOKIE"],
        token,
        max_age=max_age,
        secure=current_app.config["SETTINGS"].https,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def home_of(who: Actor) -> str:
    """Where this person begins."""
    if who.only_session:
        return url_for("call.show", session_id=who.only_session)
    return url_for("patient.dashboard" if who.role == "patient" else "visits.index")


def see_other(endpoint: str, **values: Any) -> ResponseReturnValue:
    """After a POST: look there with a GET."""
    return redirect(url_for(endpoint, **values), 303)


def _is_bearer() -> bool:
    return request.path.startswith("/api/") and "Authorization" in request.headers


def _identify(view: Callable[..., Any] | None) -> Actor | None:
    if _is_bearer():
        kind, _space, token = request.headers["Authorization"].partition(" ")
        found = None
        if kind.lower() == "bearer" and token:
            found = api_tokens.find(token.strip(), origin())
        if found is None:
            raise Unauthenticated()
        return found
    return _by_cookie(view, **(request.view_args or {}))


def _by_cookie(
    view: Callable[..., Any] | None, session_id: str | None = None, visit_id: str | None = None, **_parts: Any
) -> Actor | None:
    token = request.cookies.get(current_app.config["SIGN_IN_COOKIE"], "")
    if not token:
        return None
    return sign_ins.find(
        token,
        origin(),
        passive=getattr(view, "passive", False) or is_ahead(),
        in_call=getattr(view, "in_call", False),
        pressed=request.method in CHANGING,
        session_id=session_id,
        visit_id=visit_id,
    )


def _refuse_unreadable() -> None:
    """Bytes in a query that are no text, which would be met as a fault wherever it is read."""
    try:
        request.query_string.decode()
    except UnicodeDecodeError:
        # Nor may the answer quote it.
        request.query_string = b""
        raise Invalid() from None


def _refuse_foreign(view: Callable[..., Any]) -> None:
    """The press of a button names nothing: nobody else's room, role or state comes in with it."""
    if request.path.startswith("/api/") or hasattr(view, "speaks_json") or hasattr(view, "filled_in"):
        return
    sent = request.form.keys() | request.files.keys() | request.args.keys()
    if request.is_json or sent - PRESSED:
        raise Invalid()


def _refuse_nul() -> None:
    """No address of ours holds NUL, and PostgreSQL takes none: refused before it is asked."""
    if any("\x00" in part for part in (request.view_args or {}).values()):
        raise NotFound()
    if any("\x00" in value for _name, value in request.args.items(multi=True)):
        raise Invalid()
