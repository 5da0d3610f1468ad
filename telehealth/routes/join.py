"""A patient's link: GET shows a page and changes nothing, a press of its button enters."""

from __future__ import annotations

from flask import Blueprint, g, make_response, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from telehealth import limits, links, sign_ins
from telehealth.errors import NotFound
from telehealth.models import Link
from telehealth.routes import origin, public, set_sign_in_cookie

blueprint = Blueprint("join", __name__)


@blueprint.get("/join/<token>")
@public
def show(token: str) -> ResponseReturnValue:
    """The clinic, the time and the button; nothing that tells who the patient is."""
    link = _find(token)
    return render_template("join/show.html", session=link.session, token=token)


@blueprint.post("/join/<token>")
@public
def enter(token: str) -> ResponseReturnValue:
    """Into this one session; the address from here on holds no token."""
    link = _find(token)
    answer = make_response(redirect(url_for("call.show", session_id=link.session_id), 303))
    if g.actor and g.actor.user_id == link.user_id and not g.actor.only_session:
        return answer
    if g.actor:
        sign_ins.sign_out(g.actor)
    secret = sign_ins.sign_in_by_link(link, origin())
    session.clear()
    set_sign_in_cookie(answer, secret)
    return answer


def _find(token: str) -> Link:
    """The link of this token; only tokens that do not exist count as guessing."""
    try:
        return links.find(token)
    except NotFound:
        limits.guard("link", origin().address, limits.PER_ADDRESS)
        raise
