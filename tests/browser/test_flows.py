"""The guide's two flows, step by step in its words, in two browsers with cameras."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from support.cast import Clinic
from support.databases import KINDS

from browser.people import At, Somebody, clinic_time, see_each_other

on_both_kinds = pytest.mark.parametrize("database_url", KINDS, indirect=True, scope="module")


def open_the_visit(doctor: Somebody, visit_id: str) -> None:
    """From the Visits page to the visit's Telemedicine page."""
    doctor.is_at("/visits")
    expect(doctor.page.get_by_role("heading", name="Visits", exact=True)).to_be_visible()
    doctor.page.locator(f'a[href="/visits/{visit_id}/telemedicine"]').first.click()
    expect(doctor.page.get_by_role("heading", name="Video sessions", exact=True)).to_be_visible()


def create_a_session(doctor: Somebody) -> str:
    """Fill the form; returns the id of the session that appears in the list."""
    cards = doctor.page.locator("[data-session-id]")
    doctor.press("+ Create Session")
    expect(doctor.button("+ Create Session")).to_have_count(0)
    doctor.page.get_by_label("Scheduled Start Time").fill(clinic_time(hours=1))
    doctor.page.get_by_label("Enable Recording").check()
    doctor.page.get_by_label("Notes", exact=True).fill("Ask how the stairs are going")
    doctor.press("Create Session")
    expect(cards).to_have_count(1)
    expect(doctor.button("+ Create Session")).to_be_visible()
    return cards.get_attribute("data-session-id") or ""


def has_the_call_in_view(me: Somebody) -> None:
    """The small own picture lies in a corner of the large one."""
    expect(me.own_picture).to_be_visible()
    large, small = me.other_picture.bounding_box(), me.own_picture.bounding_box()
    assert large and small
    assert small["width"] * small["height"] * 4 < large["width"] * large["height"]
    assert small["y"] + small["height"] / 2 > large["y"] + large["height"] / 2, "not at the bottom"
    assert me.own_picture.evaluate("video => video.muted"), "one hears oneself"
    assert me.own_picture.evaluate("video => video.videoWidth") > 0


def turns_camera_and_microphone_off_and_on(me: Somebody, other: Somebody) -> None:
    """Both toggles, and what the other side learns of it."""
    me.toggle("Camera", on=False)
    expect(me.own_picture).to_be_hidden()
    other.shows_no_picture_of(me)
    me.toggle("Camera", on=True)
    other.sees(me)
    me.toggle("Microphone", on=False)
    me.reads("Your microphone is off. Nobody can hear you.")
    muted = other.page.locator(".person:visible .person-muted")
    expect(muted).to_be_visible()
    me.toggle("Microphone", on=True)
    expect(muted).to_be_hidden()
    me.reads("Connected")


@on_both_kinds
def test_the_doctor_creates_starts_joins_and_ends_a_session(at_screen: At, clinic: Clinic):
    visit = clinic.visit()
    grey, ana = at_screen("dr_grey", signed_in=False), at_screen("ana")

    # Step 1: create a telemedicine session.
    grey.sign_in()
    open_the_visit(grey, visit.id)
    session_id = create_a_session(grey)
    card = grey.finds(session_id, "SCHEDULED")
    grey.reads("Ask how the stairs are going", card)
    expect(grey.button("Join Call", card)).to_have_count(0)

    # Step 2: start the session.
    grey.press("Start Session", card)
    grey.finds(session_id, "IN_PROGRESS")
    expect(grey.button("Join Call", card)).to_be_visible()

    # Step 3: join the video call; the patient joins when they can.
    grey.press("Join Call", card)
    grey.is_at(f"/telemedicine/{session_id}/call")
    grey.is_("waiting")
    grey.reads("Waiting for Ana Lima")
    expect(grey.own_picture).to_be_visible()
    ana.open_call(session_id)
    see_each_other(grey, ana)
    has_the_call_in_view(grey)

    # Step 4: during the call. Leaving does not end the session.
    turns_camera_and_microphone_off_and_on(grey, ana)
    grey.press("Leave Call")
    grey.is_at(f"/visits/{visit.id}/telemedicine")
    card = grey.finds(session_id, "IN_PROGRESS")
    ana.is_("waiting")
    ana.reads("Your doctor is on the way")
    ana.sees_nobody()
    grey.press("Join Call", card)
    see_each_other(grey, ana)

    # Step 5: end the session; it is asked once, and no is an answer.
    grey.press("End Session")
    expect(grey.button("Keep talking")).to_be_focused()
    grey.answer("Keep talking")
    grey.is_("connected")
    grey.end()
    for one in (grey, ana):
        one.is_("disconnected")
        expect(one.page.get_by_text("It lasted")).to_be_visible()
        one.sees_nobody()
    grey.page.get_by_role("link", name="Back to the visit").click()
    card = grey.finds(session_id, "COMPLETED")
    expect(card).to_contain_text(re.compile(r"Completed\s+\d+ (seconds?|min)\b"))
    expect(grey.button("Join Call", card)).to_have_count(0)
    ana.page.get_by_role("link", name="Back to your video visits").click()
    ana.reads("It lasted", ana.finds(session_id, "COMPLETED"))
    session = clinic.now(session_id)
    assert session.status == "COMPLETED"
    assert session.duration_seconds and session.duration_seconds > 0


def test_the_patient_sees_joins_and_leaves_a_session(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    later = clinic.session()
    past = clinic.session("COMPLETED")
    grey = at_screen("dr_grey")
    ana = at_screen("ana", signed_in=False, viewport={"width": 390, "height": 844})
    grey.open_call(session)

    # Step 1: from the dashboard to the list of sessions, with their status.
    ana.sign_in()
    ana.is_at("/patient-portal/dashboard")
    ana.page.get_by_role("link", name="Telemedicine").click()
    ana.is_at("/patient-portal/telemedicine")
    ana.finds(later, "SCHEDULED")
    expect(ana.button("Join Session", ana.card(past))).to_have_count(0)
    ana.finds(past, "COMPLETED")

    # Step 2: join an active session.
    ana.press("Join Session", ana.finds(session, "IN_PROGRESS"))
    ana.is_at(f"/telemedicine/{session.id}/call")
    see_each_other(grey, ana)
    has_the_call_in_view(ana)
    expect(ana.button("End Session")).to_have_count(0)

    # Step 3: during the call.
    turns_camera_and_microphone_off_and_on(ana, grey)

    # Step 4: leave; back on the list, the session stays active, and joining again works.
    ana.press("Leave Session")
    ana.is_at("/patient-portal/telemedicine")
    card = ana.finds(session, "IN_PROGRESS")
    grey.is_("waiting")
    grey.sees_nobody()
    ana.press("Join Session", card)
    see_each_other(grey, ana)

    # Until the doctor ends it.
    grey.end()
    ana.is_("disconnected")
    ana.reads("Your visit has ended")
    ana.page.get_by_role("link", name="Back to your video visits").click()
    ana.reads("It lasted", ana.finds(session, "COMPLETED"))
    assert clinic.now(session).status == "COMPLETED"


def test_whoever_joins_is_in_the_history_by_the_media_not_by_the_page(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.open_call(session).is_("waiting")
    assert "session.join" not in clinic.history(session)
    ana.open_call(session)
    see_each_other(grey, ana)
    ana.press("Leave Session")
    ana.is_at("/patient-portal/telemedicine")
    grey.end()
    grey.is_("disconnected")
    history = clinic.history(session)
    assert history.count("session.join") == history.count("session.leave") == 2
    assert history.count("session.end") == 1
