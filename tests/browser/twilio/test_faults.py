"""What goes wrong in calls that Twilio carries: reloads, crashes, windows, people who are put out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Route
from support import browsers
from support.cast import Clinic

from browser.people import At, Call, meet, see_each_other
from browser.test_call_faults import (
    crash,
    test_both_click_join_at_the_same_moment,
    test_going_back_in_history_leaves_the_call_and_forward_joins_again,
    test_the_newest_window_wins_and_the_old_one_does_not_fight,
    test_what_is_turned_off_stays_off_after_a_reload,
)
from browser.test_links import test_a_link_that_is_revoked_in_the_call_puts_its_visitor_out_and_says_why
from browser.twilio.stage import WORDS_SEEN, Stage, words_seen

if TYPE_CHECKING:
    from telehealth.models import Session

# As they are on the embedded call.
__all__ = [
    "test_a_link_that_is_revoked_in_the_call_puts_its_visitor_out_and_says_why",
    "test_both_click_join_at_the_same_moment",
    "test_going_back_in_history_leaves_the_call_and_forward_joins_again",
    "test_the_newest_window_wins_and_the_old_one_does_not_fight",
    "test_what_is_turned_off_stays_off_after_a_reload",
]


def test_whoever_reloads_is_back_by_itself_and_leaves_no_ghost(call: Call, stage: Stage):
    session, grey, ana = call
    for one in (grey, ana):
        one.page.reload()
        see_each_other(grey, ana)
        stage.holds(session, grey, ana)


def test_a_crash_is_noticed_and_the_patient_comes_back_into_the_same_room(
    at_screen: At, session: Session, stage: Stage
):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.page.add_init_script(WORDS_SEEN)
    meet(grey, ana, session)
    crash(ana)
    # Nobody comes back for longer than Twilio waits: then she is simply not here.
    grey.is_("waiting")
    grey.reads("Waiting for Ana Lima")
    # Seconds only, which a busy machine may not see.
    assert "panel-reconnecting" in words_seen(grey)
    again = ana.second_tab().open_call(session)
    again.sees(grey)
    grey.sees(ana)
    assert len(stage.rooms(session)) == 1


def test_leaving_and_coming_back_again_and_again_keeps_the_session_and_the_room(call: Call, stage: Stage):
    session, grey, ana = call
    for _time in range(2):
        ana.press("Leave Session")
        ana.is_at("/patient-portal/telemedicine")
        grey.is_("waiting")
        stage.holds(session, grey)
        ana.press("Join Session", ana.finds(session, "IN_PROGRESS"))
        see_each_other(grey, ana)
    stage.holds(session, grey, ana)
    assert len(stage.rooms(session)) == 1
    # From another page: the one of the call hears of it from Twilio.
    card = grey.second_tab().open(f"/visits/{session.visit_id}/telemedicine")
    card.press("End Session", card.card(session))
    card.answer("End Session")
    for one, words in ((grey, "The session has ended"), (ana, "Your visit has ended")):
        one.is_("disconnected")
        one.reads(words)
        one.reads("It lasted")
        one.sees_nobody()
    assert stage.room(session).status == "completed"


def test_an_old_window_that_was_still_on_its_way_does_not_put_the_new_one_out(
    at_screen: At, clinic: Clinic, stage: Stage
):
    session = clinic.session("IN_PROGRESS")
    grey, first = at_screen("dr_grey"), at_screen("ana", anew=True)
    grey.open_call(session).is_("waiting")
    # The library of the first window is slow: it connects only after the second one is in.
    held = []
    first.page.route("**/twilio-video-*.js", lambda route: held.append(route))
    first.open_call(session).is_("connecting")
    browsers.until(lambda: first.page.evaluate("1") and held, "the library was not asked for")
    second = first.second_tab().open_call(session)
    second.sees(grey)
    first.reads("The call is open in another window")
    for route in held:
        route.continue_()
    browsers.until(lambda: first.page.evaluate("Boolean(window.Twilio)"), "the library never came")
    stage.holds(session, grey, second)
    see_each_other(grey, second)
    first.is_("disconnected")


def test_a_device_that_wakes_up_does_not_take_the_call_back(at_screen: At, clinic: Clinic, stage: Stage):
    session = clinic.session("IN_PROGRESS")
    grey, laptop, telephone = at_screen("dr_grey"), at_screen("ana"), at_screen("ana")
    laptop.page.route(re.compile(r"/call/inbox\?"), lambda route: route.abort())
    meet(grey, laptop, session)
    with stage.outage(laptop, grey):
        # Asleep: neither Twilio nor our server hears of it, and its inbox is dead.
        laptop.page.context.set_offline(True)
        stage.cut(session, laptop)
        browsers.until(lambda: len(stage.inside(session)) == 1, "the laptop was not missed")
    telephone.open_call(session)
    telephone.sees(grey)
    inside = stage.room(session).inside
    # It wakes up, and our server is slow to tell it.
    held: list[Route] = []
    laptop.page.route("**/call/presence", lambda route: held.append(route))
    with laptop.page.expect_response("**/telemedicine/token/"):
        laptop.page.context.set_offline(False)
    browsers.until(lambda: laptop.page.evaluate("1") and held, "the server is not asked")
    # With a fresh token alone it would be in the room in less time than this.
    laptop.page.wait_for_timeout(1500)
    assert laptop.state == "reconnecting"
    laptop.page.unroute("**/call/presence")
    for route in held:
        route.continue_()
    laptop.is_("disconnected")
    laptop.reads("The call is open in another window")
    assert stage.room(session).inside == inside, "somebody had to join anew"
    see_each_other(grey, telephone)
    stage.holds(session, grey, telephone)


def test_somebody_who_is_deactivated_in_the_call_is_put_out_of_the_room(
    call: Call, clinic: Clinic, stage: Stage, person
):
    from telehealth import people

    session, grey, ana = call
    with clinic.app.app_context():
        people.set_active(people.by_email("ana@people.example"), False, by=person("sam").actor)
    try:
        ana.is_("disconnected")
        ana.reads("You are no longer in the call")
        ana.sees_nobody()
        grey.is_("waiting")
        stage.holds(session, grey)
        ana.press("Come in again")
        ana.page.wait_for_url("**/sign-in?**")
    finally:
        with clinic.app.app_context():
            people.set_active(people.by_email("ana@people.example"), True, by=person("sam").actor)


def test_whom_twilio_alone_puts_out_learns_it_and_can_come_in_again(call: Call, stage: Stage):
    session, grey, ana = call
    stage.twilio.put_out(stage.room(session).sid, stage.identity(session, ana))
    ana.is_("disconnected")
    grey.is_("waiting")
    ana.press("Come in again")
    see_each_other(grey, ana)
