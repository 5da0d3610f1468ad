"""The server or the network goes away for a while, and long waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import expect
from support import browsers
from support.cast import Clinic
from support.server import Server

from browser.people import At, Call, see_each_other, set_back
from telehealth import presence
from telehealth.models import Participation, SignIn


def test_a_server_that_restarts_in_the_call_is_not_noticed(call: Call, clinic: Clinic, server: Server):
    session, grey, ana = call

    server.stop()
    browsers.sees(grey.page)
    browsers.sees(ana.page)
    grey.end()
    grey.reads("We could not end the session. Check your internet, then press the button again.")
    assert grey.state == ana.state == "connected"

    server.start()
    ana.page.reload()
    see_each_other(grey, ana)
    grey.end()
    for one in (grey, ana):
        one.is_("disconnected")
        one.reads("It lasted")
    assert clinic.now(session).status == "COMPLETED"


def test_the_waiting_room_outlives_a_restart(at_screen: At, clinic: Clinic, server: Server):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    server.restart()
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    see_each_other(grey, ana)


def test_a_worker_that_crashes_costs_nothing(call: Call, server: Server):
    _session, grey, ana = call
    server.kill_worker()
    server.kill_worker()
    ana.page.reload()
    ana.sees(grey)
    grey.end()
    ana.is_("disconnected")
    ana.reads("Your visit has ended")


def test_who_comes_an_hour_early_gets_in_by_itself(at_screen: At, clinic: Clinic, app: Flask):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    of_ana = clinic.now(session).patient_id
    ages = timedelta(minutes=65)
    set_back(app, SignIn, SignIn.user_id == of_ana, last_used_at=ages, created_at=ages)
    set_back(app, Participation, Participation.session_id == session.id, entered_at=ages)

    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.reads("Patient is waiting: 65 min", grey.card(session))
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    see_each_other(grey, ana)


def test_a_call_goes_on_when_the_sign_in_is_too_old_for_other_pages(call: Call, app: Flask):
    session, grey, ana = call
    for key in ("doctor_id", "patient_id"):
        ages = timedelta(hours=13)
        set_back(app, SignIn, SignIn.user_id == getattr(session, key), last_used_at=ages, created_at=ages)
    ana.page.reload()
    ana.sees(grey)
    grey.end()
    for one in (grey, ana):
        one.is_("disconnected")
        one.reads("It lasted")
    # The pages around it are shut again.
    ana.open("/patient-portal/telemedicine")
    ana.is_at("/sign-in?next=/patient-portal/telemedicine")


def test_signing_out_in_another_window_ends_the_call_for_this_person(call: Call, clinic: Clinic):
    session, grey, ana = call
    ana.second_tab().open("/sign-out").press("Sign out")
    ana.is_("disconnected")
    ana.sees_nobody()
    expect(ana.own_picture).to_be_hidden()
    grey.is_("waiting")
    grey.sees_nobody()
    assert clinic.now(session).status == "IN_PROGRESS"


def test_the_network_is_away_for_seconds(call: Call, clinic: Clinic, app: Flask):
    session, grey, ana = call
    ana.page.context.set_offline(True)
    # The server thinks that she is gone; the media knows better.
    of_ana = (Participation.session_id == session.id, Participation.role == "patient")
    set_back(app, Participation, *of_ana, seen_at=timedelta(minutes=2))
    browsers.until(lambda: "session.leave" in clinic.history(session), "the server did not miss her")
    grey.is_("connected")
    browsers.sees(grey.page)

    ana.page.context.set_offline(False)
    browsers.until(
        lambda: clinic.history(session).count("session.join") == 3, "the server did not see her again"
    )
    see_each_other(grey, ana)


def test_the_doctor_ends_while_the_patient_is_offline(call: Call):
    _session, grey, ana = call
    ana.page.context.set_offline(True)
    grey.end()
    grey.is_("disconnected")
    ana.is_("reconnecting")
    ana.reads("We lost the connection")
    ana.page.context.set_offline(False)
    ana.is_("disconnected")
    ana.reads("Your visit has ended")
    ana.reads("It lasted")


@pytest.mark.parametrize("lost", [False, True], ids=["for a moment", "until we think of them as lost"])
def test_the_doctor_starts_while_the_patient_who_waits_is_offline(
    at_screen: At, clinic: Clinic, app: Flask, lost: bool
):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    ana.page.context.set_offline(True)
    if lost:
        set_back(app, Participation, Participation.session_id == session.id, seen_at=timedelta(minutes=2))
        with app.app_context():
            presence.sweep()
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.press("Join Call", grey.card(session))
    grey.is_("waiting")
    ana.page.context.set_offline(False)
    see_each_other(grey, ana)


def test_a_session_that_is_cancelled_tells_the_patient_who_waits(at_screen: At, clinic: Clinic):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open_call(session).is_("waiting")
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Cancel Session", grey.card(session))
    grey.answer("Cancel Session")
    grey.finds(session, "CANCELLED")
    ana.reads("Your visit was cancelled")
    expect(ana.page.get_by_role("heading", name="Your visit was cancelled")).to_be_visible()
