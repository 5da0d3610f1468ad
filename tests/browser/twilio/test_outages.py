"""Twilio or the way to it is away for a while, and rooms that die."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import WebSocketRoute, expect
from support import browsers
from support.cast import Clinic
from support.server import Server

from browser.people import At, Call, Somebody, meet, see_each_other
from browser.twilio.stage import SOON, WORDS_SEEN, Stage, expect_noise, words_seen

if TYPE_CHECKING:
    from telehealth.models import Session

CALM = {"panel-connecting", "panel-reconnecting", "panel-waiting"}
"""What may be seen while nobody has to do anything."""

told = pytest.mark.parametrize("told", [True, False], ids=["with a callback", "without a callback"])
"""Whether Twilio's callback reaches our server."""


def marked(who: Somebody) -> Callable[[], bool]:
    """Whether the page is still the one of now, never loaded again."""
    who.page.evaluate("window.samePage = true")
    return lambda: bool(who.page.evaluate("window.samePage === true"))


@pytest.fixture
def patient_twilio(twilio):
    """Twilio waits as long as it does in life for somebody whose signalling was lost."""
    twilio.switches.session_timeout = 30
    yield
    twilio.switches.session_timeout = SOON


@pytest.mark.usefixtures("patient_twilio")
def test_signalling_that_is_cut_comes_back_on_the_same_page_and_the_media_never_stops(
    call: Call, stage: Stage
):
    session, grey, ana = call
    same = marked(ana)
    who = stage.room(session).inside
    with stage.outage(ana):
        stage.cut(session, ana)
        ana.is_("reconnecting")
        grey.is_("reconnecting")
        browsers.sees(ana.page)
    see_each_other(grey, ana)
    assert same()
    assert stage.room(session).inside == who, "somebody had to join again"


def test_an_outage_that_outlasts_the_session_time_out_brings_both_back_by_themselves(
    call: Call, clinic: Clinic, stage: Stage
):
    session, grey, ana = call
    pages = [marked(grey), marked(ana)]
    with stage.outage(grey, ana):
        stage.twilio.cut_sockets()
        for one in (grey, ana):
            one.is_("reconnecting")
            one.reads("We lost the connection")
        browsers.until(lambda: not stage.inside(session), "Twilio still has them in the room")
        for one in (grey, ana):
            one.reads("We cannot reach the video service")
            one.is_("reconnecting")
    see_each_other(grey, ana)
    assert all(same() for same in pages)
    stage.holds(session, grey, ana)
    assert clinic.now(session).status == "IN_PROGRESS"


def test_our_own_server_that_restarts_in_the_call_is_not_noticed(
    call: Call, clinic: Clinic, server: Server, stage: Stage
):
    session, grey, ana = call
    same = [marked(one) for one in (grey, ana)]
    who = stage.room(session).inside
    server.stop()
    see_each_other(grey, ana)
    grey.end()
    grey.reads("We could not end the session. Check your internet, then press the button again.")
    server.start()
    see_each_other(grey, ana)
    assert stage.room(session).inside == who, "somebody had to join again"
    assert all(one() for one in same)
    grey.end()
    for one in (grey, ana):
        one.is_("disconnected")
        one.reads("It lasted")
    assert clinic.now(session).status == "COMPLETED"
    assert stage.room(session).status == "completed"


def test_a_token_that_is_refused_on_the_way_back_is_exchanged_without_a_word(
    at_screen: At, session: Session, stage: Stage
):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.page.add_init_script(WORDS_SEEN)
    meet(grey, ana, session)
    same = marked(ana)
    expect_noise(ana)
    asked: list[str] = []
    ana.page.on("request", lambda request: asked.append(request.url))
    stage.twilio.switches.refuse_tokens_at_sync = True
    try:
        stage.cut(session, ana)
        browsers.until(
            lambda: ana.page.evaluate("1") and any(url.endswith("/token/") for url in asked),
            "no fresh token was asked for",
        )
    finally:
        stage.twilio.switches.refuse_tokens_at_sync = False
    see_each_other(grey, ana)
    stage.holds(session, grey, ana)
    assert same()
    assert words_seen(ana) <= CALM


@told
def test_a_room_that_died_while_the_patient_waited_is_opened_again(
    at_screen: At, clinic: Clinic, stage: Stage, told: bool
):
    session = clinic.session()
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    ana.page.add_init_script(WORDS_SEEN)
    ana.open_call(session).is_("waiting")
    ana.reads("We have told Dr Maria Grey that you are here.")
    # The doctor starts from the card; before anybody is in the room, it dies.
    ana.page.context.set_offline(True)
    grey.open(f"/visits/{session.visit_id}/telemedicine")
    grey.press("Start Session", grey.card(session))
    grey.finds(session, "IN_PROGRESS")
    with stage.callbacks(arrive=told):
        stage.twilio.kill_room(stage.room(session).sid)
        browsers.until(lambda: stage.twilio.callbacks.idle, "callbacks hang")
    ana.page.context.set_offline(False)
    ana.is_("waiting")
    grey.press("Join Call", grey.card(session))
    see_each_other(grey, ana)
    assert [room.status for room in stage.rooms(session)] == ["completed", "in-progress"]
    assert words_seen(ana) <= CALM


@told
def test_a_room_that_dies_under_a_patient_alone_and_in_the_call_costs_a_moment(
    at_screen: At, clinic: Clinic, session: Session, stage: Stage, told: bool
):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    for one in (grey, ana):
        one.page.add_init_script(WORDS_SEEN)
    ana.open_call(session).is_("waiting")
    stage.holds(session, ana)
    pages = [marked(ana)]

    def dies(*inside: Somebody) -> None:
        with stage.callbacks(arrive=told):
            stage.twilio.kill_room(stage.room(session).sid)
            stage.holds(session, *inside)

    dies(ana)
    grey.open_call(session)
    see_each_other(grey, ana)
    pages.append(marked(grey))
    dies(grey, ana)
    see_each_other(grey, ana)
    assert all(same() for same in pages)
    assert [room.status for room in stage.rooms(session)] == ["completed", "completed", "in-progress"]
    assert clinic.now(session).status == "IN_PROGRESS"
    assert words_seen(grey) | words_seen(ana) <= CALM


def test_the_doctor_ends_while_the_network_of_the_patient_is_away(call: Call, stage: Stage):
    session, grey, ana = call
    with stage.outage(ana):
        ana.page.context.set_offline(True)
        stage.cut(session, ana)
        ana.is_("reconnecting")
        ana.reads("We lost the connection")
        grey.end()
        grey.reads("The session has ended")
        ana.is_("reconnecting")
    ana.page.context.set_offline(False)
    ana.is_("disconnected")
    ana.reads("Your visit has ended")
    ana.reads("It lasted")
    assert stage.room(session).status == "completed"


def test_signalling_that_is_out_of_reach_at_first_is_said_and_then_it_comes_by_itself(
    at_screen: At, session: Session, stage: Stage
):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.open_call(session).is_("waiting")
    with stage.outage(ana):
        ana.open_call(session)
        ana.reads("We cannot reach the video service")
        ana.is_("connecting")
        expect(ana.own_picture).to_be_visible()
    same = marked(ana)
    see_each_other(grey, ana)
    assert same()


def test_signalling_that_never_answers_is_said_too(at_screen: At, session: Session, stage: Stage):
    ana = at_screen("ana", anew=True)
    expect_noise(ana)
    # A socket that opens and is silent, as behind some proxies.
    opened: list[WebSocketRoute] = []
    ana.page.route_web_socket("wss://global.vss.twilio.com/**", lambda socket: opened.append(socket))
    ana.page.clock.install()
    ana.open_call(session)
    browsers.until(lambda: ana.page.evaluate("1") and opened, "the library did not connect")
    ana.page.clock.fast_forward(15_000)
    ana.reads("We cannot reach the video service")


def test_a_room_that_is_full_says_so_until_somebody_leaves(at_screen: At, session: Session, stage: Stage):
    grey, ana = at_screen("dr_grey"), at_screen("ana")
    grey.open_call(session).is_("waiting")
    stage.holds(session, grey)
    room = stage.room(session)
    room.max_participants = 1
    ana.open_call(session)
    ana.reads("The call is full")
    room.max_participants = 2
    see_each_other(grey, ana)
