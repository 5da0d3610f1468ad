"""Visits for doctors (their own) and staff (all): the list, one visit, opened and closed."""

from __future__ import annotations

from flask import Blueprint, flash, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms.fields.choices import SelectChoice

from telehealth import access, agenda, audit, cards, people, visits
from telehealth.cards import VisitView
from telehealth.errors import Invalid, WrongState
from telehealth.forms import VisitForm
from telehealth.models import Role, User, Visit
from telehealth.routes import actor, filled_in, is_fragment, passive, see_other
from telehealth.routes.pages import clinic_time, fresh, part

blueprint = Blueprint("visits", __name__, url_prefix="/visits")

CHOICE_MOST = 200
"""How many patients one can choose from; of more, part of the name finds the right ones."""

CARERS = (Role.DOCTOR, Role.STAFF)


@blueprint.get("")
def index() -> ResponseReturnValue:
    """Today's sessions and the list of visits; a filter or a search asks for the list alone."""
    context = _found()
    if is_fragment() and "visit-list" in request.headers.get("HX-Target", ""):
        return render_template("visits/_list.html", **context)
    return render_template(
        "visits/index.html", **context, **part("visits/_today.html", today=_sessions_of_today())
    )


@blueprint.get("/rows")
@passive
def rows() -> ResponseReturnValue:
    """The rows of the list alone, asked for again whenever something changed."""
    return fresh("visits/_rows.html", **_found())


@blueprint.get("/today")
@passive
def today() -> ResponseReturnValue:
    """Today's sessions, asked for again whenever something changed."""
    access.require_role(actor(), CARERS, "visit.list")
    return fresh("visits/_today.html", today=_sessions_of_today())


@blueprint.route("/new", methods=["GET", "POST"])
@filled_in
def new() -> ResponseReturnValue:
    """Open a visit: staff for any doctor, a doctor with themselves."""
    access.require_role(actor(), CARERS, "visit.open")
    words = request.args.get("q", "")[:200]
    form, many = _visit_form(words)
    if request.method == "POST" and form.validate():
        doctor_id = actor().user_id if actor().role == Role.DOCTOR else form.doctor_id.data
        try:
            visit = visits.open_visit(
                form.patient_id.data, doctor_id or "", form.reason.data or "", by=actor()
            )
        except Invalid as refusal:
            form.take(refusal)
        else:
            flash(_("The visit is open."), "success")
            return see_other("telemedicine.index", visit_id=visit.id)
    page = render_template("visits/new.html", form=form, q=words, many=many)
    return page, 422 if form.errors else 200


@blueprint.get("/<visit_id>")
def show(visit_id: str) -> ResponseReturnValue:
    """One visit at a glance."""
    visit = view(visit_id)
    audit.record("visit.read", by=actor(), object_type="visit", object_id=visit.id)
    return render_template("visits/show.html", visit=visit)


@blueprint.post("/<visit_id>/close")
def close(visit_id: str) -> ResponseReturnValue:
    """Close the visit, unless a session of it is still to come or going on."""
    try:
        visits.close(load(visit_id, "close"), by=actor())
    except WrongState as refusal:
        if is_fragment():
            raise
        flash(refusal.message, "error")
        return render_template("visits/show.html", visit=view(visit_id)), 409
    flash(_("The visit is closed."), "success")
    return see_other("visits.show", visit_id=visit_id)


def load(visit_id: str, action: str = "read") -> Visit:
    """The visit for a page of doctors and staff; a patient is refused even their own."""
    visit = access.load_visit(visit_id, by=actor(), action=action)
    access.require_role(actor(), CARERS, f"visit.{action}")
    return visit


def view(visit_id: str) -> VisitView:
    """The visit as its pages show it; the same refusals."""
    visit = cards.load_visit(visit_id, by=actor())
    access.require_role(actor(), CARERS, "visit.read")
    return visit


def _found() -> dict[str, object]:
    """What the list shows: of a status, with these words in it, one page."""
    access.require_role(actor(), CARERS, "visit.list")
    status = "CLOSED" if request.args.get("status", "open") == "closed" else "OPEN"
    words = request.args.get("q", "")[:200]
    found = visits.search(words, status, by=actor(), page=request.args.get("page", 1, int))
    return {"found": found, "status": status.lower(), "q": words}


def _sessions_of_today() -> list[object]:
    return list(agenda.today(clinic_time().day_bounds(), by=actor()))


def _visit_form(words: str) -> tuple[VisitForm, bool]:
    """The form with the patients that these words find, and whether they are too many to choose from."""
    form = VisitForm()
    patients = people.search(words, by=actor(), role=Role.PATIENT, limit=CHOICE_MOST + 1)
    form.patient_id.choices = _choices(patients[:CHOICE_MOST])
    if actor().role == Role.STAFF:
        form.doctor_id.choices = _choices(people.search("", by=actor(), role=Role.DOCTOR, limit=1000))
    else:
        del form.doctor_id
    return form, len(patients) > CHOICE_MOST


def _choices(found: list[User]) -> list[SelectChoice]:
    """These people, after an empty one."""
    return [SelectChoice("", _("Choose")), *(SelectChoice(one.id, _label(one)) for one in found)]


def _label(person: User) -> str:
    """The name, and for a patient the date of birth: two may have one name."""
    born = person.date_of_birth
    return f"{person.name} ({clinic_time().date(born)})" if born else person.name
