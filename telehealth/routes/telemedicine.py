"""Telemedicine sessions on pages: the cards of a visit and what their buttons do."""

from __future__ import annotations

from flask import Blueprint, current_app, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from telehealth import (
    access,
    attendance,
    audit,
    cards,
    clock,
    history,
    links,
    planning,
    sessions,
    video,
)
from telehealth.cards import VisitView
from telehealth.errors import Invalid, WrongState
from telehealth.forms import SessionForm
from telehealth.models import Role, Session, Visit
from telehealth.routes import actor, filled_in, in_call, is_fragment, passive, see_other, visits
from telehealth.routes.pages import clinic_time, fresh, part
from telehealth.times import Twice

blueprint = Blueprint("telemedicine", __name__)


@blueprint.get("/visits/<visit_id>/telemedicine")
@in_call
def index(visit_id: str) -> ResponseReturnValue:
    """The visit's Telemedicine page."""
    visit = visits.view(visit_id)
    audit.record("visit.read", by=actor(), object_type="visit", object_id=visit.id)
    return _page(visit, None)


@blueprint.get("/visits/<visit_id>/telemedicine/sessions")
@in_call
@passive
def session_list(visit_id: str) -> ResponseReturnValue:
    """The cards alone, asked for again whenever something changed."""
    visit = visits.view(visit_id)
    return fresh("telemedicine/_session_list.html", visit=visit, sessions=visit.sessions)


@blueprint.get("/visits/<visit_id>/telemedicine/new")
def new(visit_id: str) -> ResponseReturnValue:
    """The form for a new session, in place; `like` fills it from an earlier one."""
    visit = visits.view(visit_id)
    _only_its_doctor()
    try:
        sessions.check_open(visit)
    except WrongState as refusal:
        return _closed(visit, refusal.message)
    return _form_or_page(visit, _form_like(visit, request.args.get("like", "")))


@blueprint.get("/visits/<visit_id>/telemedicine/form")
def no_form(visit_id: str) -> ResponseReturnValue:
    """The place of the form with its button alone, after Close."""
    return _form_or_page(visits.view(visit_id), None)


@blueprint.post("/visits/<visit_id>/telemedicine")
@filled_in
def create(visit_id: str) -> ResponseReturnValue:
    """Plan a session; what cannot be used comes back with what was typed."""
    visit = access.load_visit(visit_id, by=actor(), action="session.create")
    _only_its_doctor()
    form = SessionForm()
    try:
        session = _create(visit, form)
    except Twice as question:
        form.ambiguous = True
        form.take(question)
    except WrongState as refusal:
        return _closed(visits.view(visit_id), refusal.message)
    except Invalid as refusal:
        form.take(refusal)
    else:
        return _created(session)
    return _form_or_page(visits.view(visit_id), form), 422


@blueprint.get("/telemedicine/<session_id>")
@in_call
def show(session_id: str) -> ResponseReturnValue:
    """All about one session, with its history, for those it belongs to."""
    session = access.load_session(session_id, by=actor())
    audit.record("session.read", by=actor(), object_type="session", object_id=session.id)
    return _details(session)


@blueprint.get("/telemedicine/<session_id>/card")
@in_call
@passive
def card(session_id: str) -> ResponseReturnValue:
    """One card as it is now, for whoever may see the session."""
    session = cards.load_session(session_id, by=actor())
    return fresh("telemedicine/_session_card.html", session=session)


@blueprint.get("/telemedicine/<session_id>/history")
@in_call
@passive
def history_of(session_id: str) -> ResponseReturnValue:
    """The history of a card, loaded when it is opened."""
    session = access.load_session(session_id, by=actor())
    lines = history.of(session, by=actor())
    return render_template("telemedicine/_history.html", session=session, history=lines)


@blueprint.post("/telemedicine/<session_id>/start")
def start(session_id: str) -> ResponseReturnValue:
    """Start Session."""
    session = sessions.start(load(session_id, "start"), by=actor(), video=video.provider())
    return _done(session, _("The session has started. You can join the call now."))


@blueprint.post("/telemedicine/<session_id>/end")
@in_call
def end(session_id: str) -> ResponseReturnValue:
    """End Session."""
    session = sessions.end(load(session_id, "end"), by=actor(), video=video.provider())
    return _done(session, _("The session has ended."))


@blueprint.post("/telemedicine/<session_id>/cancel")
def cancel(session_id: str) -> ResponseReturnValue:
    """Cancel Session."""
    reason = request.form.get("reason", "")[:500]
    session = sessions.cancel(load(session_id, "cancel"), by=actor(), reason=reason)
    return _done(session, _("The session is cancelled."))


@blueprint.post("/telemedicine/<session_id>/leave")
@in_call
def leave(session_id: str) -> ResponseReturnValue:
    """Leave Call, Leave Session: the session stays as it is."""
    session = sessions.leave(load(session_id, "leave"), by=actor())
    return _done(session, _("You have left the call."))


@blueprint.post("/telemedicine/<session_id>/link")
def make_link(session_id: str) -> ResponseReturnValue:
    """A new link for the patient, shown once; the ones before stop working."""
    session = load(session_id, "link")
    token, _link = links.make(session, by=actor())
    session = access.load_session(session_id, by=actor())
    url = link_url(token)
    if is_fragment():
        return _card(session, link_url=url)
    return _details(session, link_url=url)


@blueprint.post("/telemedicine/<session_id>/link/revoke")
def revoke_link(session_id: str) -> ResponseReturnValue:
    """Make the patient's link worthless."""
    links.revoke(load(session_id, "link"), by=actor())
    session = access.load_session(session_id, by=actor())
    return _done(session, _("The link no longer works."))


def load(session_id: str, action: str) -> Session:
    """The session of the person who asks."""
    return access.load_session(session_id, by=actor(), action=action)


def link_url(token: str) -> str:
    """The address a patient opens, on the public name of the clinic."""
    return current_app.config["SETTINGS"].public_url + url_for("join.show", token=token)


def _done(session: Session, words: str) -> ResponseReturnValue:
    flash(words, "success")
    if is_fragment():
        return _card(session)
    if actor().only_session:
        return see_other("telemedicine.show", session_id=session.id)
    if actor().role == Role.PATIENT:
        return see_other("patient.sessions")
    return see_other("telemedicine.index", visit_id=session.visit_id)


def _details(session: Session, **more: str) -> str:
    lines, stays = history.of(session, by=actor()), attendance.of(session)
    talked = attendance.talk_time(stays, session.ended_at or clock.now())
    return render_template(
        "telemedicine/show.html", session=session, history=lines, stays=stays, talked=talked, **more
    )


def _card(session: Session, **more: object) -> str:
    return render_template("telemedicine/_answer.html", session=session, **more)


def _only_its_doctor() -> None:
    access.require_role(actor(), (Role.DOCTOR,), "session.create")


def _page(visit: VisitView, form: SessionForm | None) -> str:
    listed = part("telemedicine/_session_list.html", visit=visit, sessions=visit.sessions)
    return render_template("telemedicine/index.html", visit=visit, form=form, **listed)


def _form_or_page(visit: VisitView, form: SessionForm | None) -> str:
    if is_fragment():
        return render_template("telemedicine/_session_form.html", visit=visit, form=form)
    return _page(visit, form)


def _closed(visit: VisitView, words: str) -> ResponseReturnValue:
    """Somebody closed the visit meanwhile: say so, and show how it stands."""
    flash(words, "error")
    if is_fragment():
        return render_template("telemedicine/_closed.html", visit=visit), 409
    return _page(visit, None), 409


def _form_like(visit: VisitView, session_id: str) -> SessionForm:
    form = SessionForm(formdata=None)
    earlier = next((s for s in visit.sessions if s.id == session_id), None)
    if earlier:
        form.notes.data = earlier.notes
        form.recording_enabled.data = earlier.recording_enabled
    return form


def _create(visit: Visit, form: SessionForm) -> Session:
    sessions.check_open(visit)
    if not form.validate():
        raise Invalid()
    moment = form.moment(clinic_time().zone)
    planning.check_start_time(moment)
    form.clashes = planning.clashes(visit, moment)
    if form.clashes and not form.confirm_clash.data:
        words = _("You have another session at that time. Change the time, or confirm below.")
        raise Invalid(fields={"confirm_clash": [words]})
    return sessions.create(
        visit,
        by=actor(),
        scheduled_start=moment,
        recording_enabled=form.recording_enabled.data,
        notes=(form.notes.data or "").strip(),
    )


def _created(session: Session) -> ResponseReturnValue:
    flash(_("The session is planned."), "success")
    if not is_fragment():
        return see_other("telemedicine.index", visit_id=session.visit_id)
    visit = visits.view(session.visit_id)
    return render_template("telemedicine/_created.html", visit=visit, sessions=visit.sessions)
