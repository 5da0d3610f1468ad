"""A patient's link: GET shows a page and changes nothing, a press of its button enters."""

from __future__ import annotations

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from telehealth import limits, links
from telehealth.errors import NotFound
from telehealth.models import Link
from telehealth.routes import begin_sign_in, origin, public, see_other

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
    to_the_call = see_other("call.show", session_id=link.session_id)
    if g.actor and g.actor.user_id == link.user_id and not g.actor.only_session:
        links.use(link, by=g.actor)
        return to_the_call
    return begin_sign_in(to_the_call, links.sign_in(link, origin()))


def _find(token: str) -> Link:
    """The link of this token; tries with others are counted, and written down where there was one once."""
    try:
        return links.find(token)
    except NotFound:
        limits.guard("link", origin().line, limits.PER_ADDRESS)
        raise
    except links.Over as over:
        limits.guard("link", origin().line, limits.PER_ADDRESS)
        links.refuse(over.link, origin())
        raise
