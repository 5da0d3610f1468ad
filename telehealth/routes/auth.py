"""Signing in and out, and the first password."""

from __future__ import annotations

import re

from flask import (
    Blueprint,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from telehealth import people, sign_ins
from telehealth.errors import Invalid
from telehealth.forms import PasswordForm, SignInForm
from telehealth.routes import (
    actor,
    begin_sign_in,
    filled_in,
    home_of,
    origin,
    public,
    see_other,
    set_sign_in_cookie,
)

blueprint = Blueprint("auth", __name__)

# A path of ours alone: a second slash or a backslash would make it another site's address.
_OUR_PATH = re.compile(r"/[A-Za-z0-9][A-Za-z0-9/_.~-]*(\?[A-Za-z0-9=&_.%-]*)?")


@blueprint.get("/")
@public
def start() -> ResponseReturnValue:
    """The way in: each role begins somewhere else."""
    if g.actor is None:
        return see_other("auth.sign_in")
    return redirect(home_of(g.actor), 303)


@blueprint.route("/sign-in", methods=["GET", "POST"])
@public
@filled_in
def sign_in() -> ResponseReturnValue:
    """E-mail and password; the answer is the same for an unknown person and a wrong password."""
    form = SignInForm()
    wanted = _safe(request.values.get("next", ""))
    if request.method != "POST":
        return render_template("auth/sign_in.html", form=form, next=wanted)
    token = None
    if form.validate():
        token = sign_ins.sign_in(form.email.data or "", form.password.data or "", origin())
    if token is None:
        form.password.errors = [_("Check your email and password, then try again.")]
        return render_template("auth/sign_in.html", form=form, next=wanted), 422
    return begin_sign_in(redirect(wanted or url_for("auth.start"), 303), token)


@blueprint.get("/sign-out")
@public
def confirm_sign_out() -> ResponseReturnValue:
    """A page with a button: a link must not sign anybody out."""
    return render_template("auth/sign_out.html")


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the sign-in here and on the server."""
    sign_ins.sign_out(actor())
    session.clear()
    flash(_("You are signed out."), "success")
    answer = make_response(see_other("auth.sign_in"))
    set_sign_in_cookie(answer, "", max_age=0)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


@blueprint.route("/invitation/<token>", methods=["GET", "POST"])
@public
@filled_in
def invitation(token: str) -> ResponseReturnValue:
    """The owner of an invitation chooses a password; GET shows the form and changes nothing."""
    person = people.invitation(token).user
    form = PasswordForm()
    if request.method == "POST" and form.validate():
        try:
            people.accept(token, form.password.data or "", origin=origin())
        except Invalid as refusal:
            form.take(refusal)
        else:
            flash(_("Your password is set. Sign in with it now."), "success")
            return see_other("auth.sign_in")
    status = 422 if form.errors else 200
    return render_template("auth/invitation.html", form=form, person=person), status


def _safe(wanted: str) -> str:
    """Where to go after signing in, if it is a page of ours; else nothing."""
    return wanted if _OUR_PATH.fullmatch(wanted) else ""
