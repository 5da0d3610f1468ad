"""What staff do beside visits: people, invitations, the audit."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, current_app, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from telehealth import access, audit, audit_words, people
from telehealth.errors import Invalid
from telehealth.forms import AuditForm, ChangePersonForm, PersonForm
from telehealth.models import Role, User
from telehealth.routes import actor, filled_in, is_fragment, see_other
from telehealth.routes.pages import clinic_time

blueprint = Blueprint("staff", __name__, url_prefix="/admin")

LARGEST_ID = 2**31 - 1
ENTRIES = 100
"""So many entries of the audit are on a page."""


@blueprint.get("/")
def start() -> ResponseReturnValue:
    """The staff's pages begin with the people."""
    access.require_role(actor(), (Role.STAFF,), "user.read")
    return see_other("staff.people")


@blueprint.get("/people", endpoint="people")
def people_page() -> ResponseReturnValue:
    """Everybody, or those whose name or address holds the words."""
    access.require_role(actor(), (Role.STAFF,), "user.read")
    words = request.args.get("q", "")[:200]
    found = people.listing(words, by=actor(), page=request.args.get("page", 1, int))
    name = "staff/_people.html" if is_fragment() else "staff/people.html"
    return render_template(name, found=found, q=words)


@blueprint.route("/people/new", methods=["GET", "POST"])
@filled_in
def new() -> ResponseReturnValue:
    """Add a person and show the invitation with which they choose a password."""
    access.require_role(actor(), (Role.STAFF,), "user.create")
    form = PersonForm()
    if request.method == "POST" and form.validate():
        try:
            user = people.create(form.role.data, _typed(form), by=actor())
        except Invalid as refusal:
            form.take(refusal)
        else:
            flash(_("The person is added."), "success")
            return _person(user, invitation=people.invite(user, by=actor()))
    return render_template("staff/person_form.html", form=form), 422 if form.errors else 200


@blueprint.route("/people/<user_id>", methods=["GET", "POST"])
@filled_in
def person(user_id: str) -> ResponseReturnValue:
    """One person, to look at and to correct."""
    user = access.load_person(user_id, by=actor())
    audit.record("user.read", by=actor(), object_type="user", object_id=user.id)
    form = ChangePersonForm(obj=user)
    if request.method == "POST" and form.validate():
        try:
            changed = people.change(user, _typed(form), by=actor())
        except Invalid as refusal:
            form.take(refusal)
        else:
            flash(_("The changes are saved.") if changed else _("Nothing was changed."), "success")
            return see_other("staff.person", user_id=user.id)
    return _person(user, form), 422 if form.errors else 200


@blueprint.post("/people/<user_id>/invite")
def invite(user_id: str) -> ResponseReturnValue:
    """A new invitation; earlier ones stop working."""
    user = access.load_person(user_id, by=actor())
    return _person(user, invitation=people.invite(user, by=actor()))


@blueprint.post("/people/<user_id>/deactivate")
def deactivate(user_id: str) -> ResponseReturnValue:
    """Keep a person out, at once."""
    people.set_active(access.load_person(user_id, by=actor()), False, by=actor())
    flash(_("The person can no longer sign in."), "success")
    return see_other("staff.person", user_id=user_id)


@blueprint.post("/people/<user_id>/activate")
def activate(user_id: str) -> ResponseReturnValue:
    """Let a person in again."""
    people.set_active(access.load_person(user_id, by=actor()), True, by=actor())
    flash(_("The person can sign in again."), "success")
    return see_other("staff.person", user_id=user_id)


@blueprint.get("/audit", endpoint="audit")
def audit_page() -> ResponseReturnValue:
    """The newest entries of the audit, or those of some days, of one kind, of one person."""
    access.require_role(actor(), (Role.STAFF,), "audit.read")
    colleagues = people.colleagues(request.args.get("who", ""), by=actor())
    form = AuditForm(request.args, {audit.REFUSED: _("Refused"), **audit_words.events()}, colleagues)
    found = audit.newest(_sought(form), limit=ENTRIES + 1) if form.validate() else []
    name = "staff/_audit.html" if is_fragment() else "staff/audit.html"
    page = render_template(name, form=form, entries=found[:ENTRIES], more=len(found) > ENTRIES)
    return page, 422 if form.errors else 200


def _sought(form: AuditForm) -> audit.Sought:
    first, last, begin = form.first.data, form.last.data, clinic_time().begin
    return audit.Sought(
        action=form.event.data,
        actor_id=form.who.data,
        since=begin(first) if first else None,
        until=begin(last + timedelta(days=1)) if last else None,
        before=min(request.args.get("before", 0, int), LARGEST_ID),
    )


def _typed(form: PersonForm) -> people.Details:
    return people.Details(
        email=form.email.data or "",
        name=form.name.data or "",
        phone=form.phone.data or "",
        date_of_birth=form.date_of_birth.data,
    )


def _person(user: User, form: ChangePersonForm | None = None, invitation: str | None = None) -> str:
    url = None
    if invitation:
        public_url = current_app.config["SETTINGS"].public_url
        url = public_url + url_for("auth.invitation", token=invitation)
    form = form or ChangePersonForm(formdata=None, obj=user)
    return render_template("staff/person.html", person=user, form=form, invitation_url=url)
