"""Calls over a real TURN relay and nothing else, with credentials that the server makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from playwright.sync_api import expect
from support import apps
from support.cast import Clinic
from support.server import Server

from browser import relay as relays
from browser import turn
from browser.people import SETTINGS, At, Call, see_each_other
from browser.relay import Relay
from telehealth.video.peer import PeerProvider

FOUR_HOURS = 4 * 3600


@pytest.fixture(scope="module")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """The clinic's relay."""
    with relays.running(tmp_path_factory.mktemp("relay")) as relay:
        yield relay


@pytest.fixture(scope="module")
def settings(relay: Relay) -> dict[str, str]:
    """A clinic that lets nobody see anybody's address."""
    turn = {"TURN_URLS": relay.url, "TURN_SECRET": relays.SECRET, "ICE_RELAY_ONLY": "yes"}
    return {**SETTINGS, **turn}


def test_a_call_goes_over_the_relay_on_both_sides(call: Call):
    _session, grey, ana = call
    assert grey.sees(ana)["relayed"]
    assert ana.sees(grey)["relayed"]
    ana.page.reload()
    assert ana.sees(grey)["relayed"]
    grey.end()
    ana.is_("disconnected")


def test_media_that_stops_is_told_and_comes_back_by_itself(call: Call, relay: Relay):
    _session, grey, ana = call
    relay.freeze()
    try:
        for one in (grey, ana):
            one.is_("reconnecting")
            one.reads("We lost the connection")
            expect(one.page.locator("#connection-status")).to_have_text("Reconnecting")
    finally:
        relay.thaw()
    see_each_other(grey, ana)


def test_where_the_relay_does_not_know_the_clinic_the_page_says_what_to_do(
    at_screen: At, clinic: Clinic, database_url: str, settings: dict[str, str], tmp_path: Path
):
    session = clinic.session("IN_PROGRESS")
    stranger = Server(tmp_path, database_url, **{**settings, "TURN_SECRET": "of another clinic"})
    stranger.start()
    try:
        both = [at_screen(key, signed_in=False, of=stranger) for key in ("dr_grey", "ana")]
        for one in both:
            one.sign_in().open_call(session)
        for one in both:
            expect(one.page.get_by_role("heading", name="This network may block video calls")).to_be_visible(
                timeout=90_000
            )
            one.reads("We keep trying in the meantime.")
            expect(one.button("Load again")).to_be_visible()
            assert one.state == "connecting"
        for one in both:
            one.page.context.close()
    finally:
        stranger.stop()


def test_who_listens_to_the_ticket_learns_no_secret(at_screen: At, clinic: Clinic):
    session = clinic.session("IN_PROGRESS")
    ana = at_screen("ana")
    with ana.page.expect_response("**/call/enter") as answer:
        ana.open_call(session)
    ticket = answer.value.json()["ticket"]
    assert ticket["ice_transport_policy"] == "relay"
    assert relays.SECRET not in answer.value.text()
    [turn] = ticket["ice_servers"]
    expires, _, who = turn["username"].partition(":")
    assert 0 < int(expires) - time.time() <= FOUR_HOURS
    assert who == ticket["identity"]
    assert ana.name.split()[0].lower() not in turn["username"].lower()


def test_the_relay_takes_a_credential_of_the_clinic_until_it_has_expired(relay: Relay):
    turns = {"TURN_URLS": relay.url, "TURN_SECRET": relays.SECRET}
    provider = PeerProvider(apps.settings("sqlite:///nowhere", **turns))
    for made_ago, answer in ((0, 0), (FOUR_HOURS - 60, 0), (FOUR_HOURS + 60, 401)):
        with time_machine.travel(time.time() - made_ago):
            [found] = provider.ticket("a room", "somebody").more["ice_servers"]
        assert turn.answer_to(relay.port, found["username"], found["credential"]) == answer, made_ago
    # The end cannot be put off: it is signed.
    later = f"{int(time.time()) + FOUR_HOURS}:somebody"
    assert turn.answer_to(relay.port, later, found["credential"]) == 401
