"""What goes wrong in calls: reloads, crashes, second windows, and everybody at once."""

from __future__ import annotations

from playwright.sync_api import expect
from support.cast import Clinic

from browser.people import At, Call, Somebody, meet, see_each_other


def crash(somebody: Somebody) -> None:
    """Let the page's process die, without a word to anybody."""
    with somebody.page.expect_event("crash"):
        try:
            somebody.page.goto("chrome://crash")
        except Exception as trouble:  # noqa: BLE001 - what a crash looks like differs
            assert "crash" in str(trouble).lower() or "ERR_ABORTED" in str(trouble), trouble


def test_whoever_reloads_is_back_by_itself(call: Call):
    _session, grey, ana = call
    for one in (grey, ana):
        one.page.reload()
        see_each_other(grey, ana)


def test_what_is_turned_off_stays_off_after_a_reload(call: Call):
    _session, grey, ana = call
    ana.toggle("Camera", on=False)
    ana.toggle("Microphone", on=False)
    ana.page.reload()
    ana.sees(grey)
    grey.shows_no_picture_of(ana)
    expect(ana.button("Camera")).to_have_attribute("aria-pressed", "false")
    expect(ana.button("Microphone")).to_have_attribute("aria-pressed", "false")
    ana.toggle("Camera", on=True)
    grey.sees(ana)


def test_a_browser_that_crashed_comes_back(call: Call):
    session, grey, ana = call
    crash(ana)
    grey.is_("reconnecting")
    grey.reads("We lost the connection")
    again = ana.second_tab().open_call(session)
    again.sees(grey)
    grey.sees(ana)


def test_the_newest_window_wins_and_the_old_one_does_not_fight(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    grey, first = at_screen("dr_grey"), at_screen("ana")
    meet(grey, first, session)
    second = first.second_tab().open_call(session)
    second.sees(grey)
    first.is_("disconnected")
    first.reads("The call is open in another window")
    expect(first.own_picture).to_be_hidden()
    first.sees_nobody()
    see_each_other(grey, second)

    # Until it is asked to.
    first.press("Use here")
    first.sees(grey)
    second.is_("disconnected")
    second.reads("The call is open in another window")
    grey.sees(first)


def test_both_click_join_at_the_same_moment(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    ana.open("/patient-portal/telemedicine")
    click = "button => setTimeout(() => button.click(), 50)"
    grey.button("Join Call", grey.card(session)).evaluate(click)
    ana.button("Join Session", ana.card(session)).evaluate(click)
    see_each_other(grey, ana)


def test_going_back_in_history_leaves_the_call_and_forward_joins_again(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.open("/patient-portal/telemedicine")
    meet(grey, ana, session)
    ana.page.go_back()
    ana.finds(session, "IN_PROGRESS")
    grey.is_("waiting")
    ana.page.go_forward()
    see_each_other(grey, ana)


def test_a_session_that_is_ended_from_the_card_ends_the_call_of_both(call: Call):
    session, grey, ana = call
    list_page = grey.second_tab().open(f"/visits/{session.visit_id}/telemedicine")
    list_page.press("End Session", list_page.card(session))
    list_page.answer("End Session")
    list_page.finds(session, "COMPLETED")
    for one in (grey, ana):
        one.is_("disconnected")
        one.reads("It lasted")
        one.sees_nobody()
