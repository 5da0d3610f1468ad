"""What each of Twilio's errors means for the page. The library is a false one here, for its errors alone."""

from __future__ import annotations

import pytest
from support import false_twilio

# Each code of the facts' table, and some that nobody has heard of: the word for it, or None for silence.
SAID = {
    **dict.fromkeys(range(20101, 20108), "no-entry"),
    **dict.fromkeys((53000, 53001, 53002, 53006), "unreachable"),
    **dict.fromkeys((53103, 53106, 53118), "no-room"),
    **dict.fromkeys((53105, 53119, 53206), "full"),
    **dict.fromkeys((53204, 53216), "unreachable"),
    **dict.fromkeys((53400, 53401, 53402, 53403, 53404, 53407), "no-video"),
    53405: "no-path",
    53205: "elsewhere",
    53999: "unreachable",
    8: "unreachable",
}
SILENT_AT_FIRST = sorted(set(SAID) - {53205})
WITH_ANOTHER_ROOM = {53103, 53106, 53118}


@pytest.fixture
def page(static_page):
    false_twilio.serve(static_page)
    static_page.evaluate(false_twilio.ROOM)
    static_page.evaluate(false_twilio.COME)
    return static_page


def test_every_code_has_its_reason_and_the_first_time_costs_nobody_a_word(page):
    found = page.evaluate(
        """async (codes) => {
          window.connects = (token) => Number(token);
          const rooms = await Promise.all(codes.map((code) => come(String(code))));
          await until(() => rooms.every(({ reasons }) => reasons.length));
          return Object.fromEntries(rooms.map((room, at) => {
            const found = { reason: room.reasons[0][0], attempt: room.reasons[0][1],
              reopened: room.counts.reopened > 0 };
            room.leave();
            return [codes[at], found];
          }));
        }""",
        sorted(SAID),
    )
    assert {int(code): one["reason"] for code, one in found.items()} == SAID
    assert {code for code in SILENT_AT_FIRST if found[str(code)]["attempt"] != 2} == set()
    assert found["53205"]["attempt"] == 1
    assert {int(code) for code, one in found.items() if one["reopened"]} == WITH_ANOTHER_ROOM


def test_a_call_that_is_lost_once_comes_back_without_a_word(page):
    codes = [20104, 53001, 53118, 53204, 53216, 53405]
    found = page.evaluate(
        """async (codes) => {
          const made = Object.fromEntries(codes.map((code) => [code, []]));
          window.connects = (token) => { made[token].push(falseRoom()); return made[token].at(-1); };
          return Promise.all(codes.map(async (code) => {
            const room = await come(String(code));
            await until(() => room.arrived);
            made[code][0].say('disconnected', made[code][0], { code });
            await until(() => made[code].length === 2);
            await until(() => room.state === 'connecting');
            await sleep(50);
            return { code, reasons: room.reasons.map(([reason]) => reason), ...room.counts };
          }));
        }""",
        codes,
    )
    calm = {"reasons": [None, None], "renewed": 1}
    assert found == [{"code": code, **calm, "reopened": int(code == 53118)} for code in codes]


def test_who_is_put_out_or_elsewhere_does_not_come_back(page):
    found = page.evaluate(
        """async () => {
          const ends = [];
          for (const error of [undefined, { code: 53205 }]) {
            const inside = falseRoom();
            window.connects = () => inside;
            const room = await come('t');
            await until(() => room.arrived);
            const before = attempts.length;
            inside.say('disconnected', inside, error);
            await sleep(800);
            room.hurry();
            await sleep(300);
            ends.push([room.reasons.at(-1)[0], attempts.length - before]);
          }
          return ends;
        }"""
    )
    assert found == [["put-out", 0], ["elsewhere", 0]]


def test_a_browser_that_cannot_do_it_is_told_so_and_asked_no_more(page):
    found = page.evaluate(
        """async () => {
          window.supported = false;
          const room = await come('t');
          await until(() => room.reasons.length);
          await sleep(500);
          return { reasons: room.reasons, ...room.counts };
        }"""
    )
    assert found == {"reasons": [["unsupported", 0]], "renewed": 0, "reopened": 0}


@pytest.mark.parametrize("over", [True, False])
def test_nobody_is_told_of_a_lost_connection_before_it_is_known_that_the_call_goes_on(page, over):
    found = page.evaluate(
        """async (over) => {
          window.made = [];
          window.connects = () => { made.push(falseRoom()); return made.at(-1); };
          const room = await come('t');
          await until(() => room.arrived);
          room.become('connected');
          const states = [];
          room.on('state-changed', ({ state }) => states.push(state));
          const refusal = Object.assign(new Error('no'), { status: 409, final: true });
          if (over) room.line.look = () => Promise.reject(refusal);
          made[0].say('disconnected', made[0], { code: 53118 });
          await until(() => (over ? room.line.asked : made.length === 2));
          return states;
        }""",
        over,
    )
    assert found[:1] == ([] if over else ["reconnecting"])


def test_a_network_that_blocks_video_is_said_during_the_call_and_taken_back(page):
    found = page.evaluate(
        """async () => {
          const inside = falseRoom();
          window.connects = () => inside;
          const room = await come('t');
          const order = [];
          room.on('state-changed', ({ state }) => order.push(state));
          room.on('trouble', ({ reason }) => order.push(reason));
          await until(() => room.arrived);
          inside.state = 'reconnecting';
          inside.say('reconnecting', { code: 53405 });
          inside.state = 'connected';
          inside.say('reconnected');
          inside.say('reconnecting', { code: 53001 });
          return order;
        }"""
    )
    assert found == [None, "reconnecting", "no-path", "connecting", "reconnecting"], (
        "the page drops a word when the state changes: the word comes after it"
    )


def test_the_first_connection_has_the_tracks_that_are_there(page):
    found = page.evaluate(
        """async () => {
          const { load } = await import('/call/twilio-library.js');
          await load();
          window.connects = () => falseRoom();
          const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
          const room = await come('t');
          room.setTrack('microphone', stream.getAudioTracks()[0]);
          room.setTrack('camera', stream.getVideoTracks()[0]);
          await until(() => room.arrived);
          return attempts.map(({ token, tracks }) => ({ token, tracks }));
        }"""
    )
    assert found == [{"token": "t", "tracks": ["microphone", "camera"]}]


def test_dead_media_is_refreshed_when_the_page_is_in_front_again(page):
    found = page.evaluate(
        """async () => {
          const inside = falseRoom();
          window.connects = () => inside;
          const room = await come('t');
          room.revive();
          await until(() => room.arrived);
          room.revive();
          return inside.refreshed;
        }"""
    )
    assert found == 1


def test_a_server_that_refuses_for_good_is_not_asked_again(page):
    found = page.evaluate(
        """async () => {
          window.connects = () => 53001;
          const room = await come('t');
          const refusal = Object.assign(new Error('no'), { status: 410, final: true });
          room.line.look = () => Promise.reject(refusal);
          await until(() => room.line.asked);
          await sleep(1500);
          return [attempts.length, room.line.asked];
        }"""
    )
    assert found == [1, 1]
