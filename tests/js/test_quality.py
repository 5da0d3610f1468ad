"""How good a connection is, from its statistics."""

import math

import pytest

LEVEL = "async (looks) => looks.map((await import('/call/quality.js')).level)"
LOOKS = """
async (looks) => {
  const { measure } = await import('/call/quality.js');
  let before;
  return looks.map((stats) => {
    const found = measure(stats.map((stat, index) => [String(index), stat]), before);
    before = found.counts;
    return found;
  });
}
"""


LEVELS = [
    # packets, loss, rtt, level
    (100, 0, 0.02, 5),
    (100, 0.01, 0.18, 5),
    (100, 0.02, 0.02, 4),
    (100, 0, 0.2, 4),
    (100, 0.04, 0.02, 3),
    (100, 0, 0.4, 3),
    (100, 0.08, 0.02, 2),
    (100, 0, 0.7, 2),
    (100, 0.2, 0.02, 1),
    (100, 0, 1.2, 1),
    (0, 0, 0.02, 0),
]


def test_the_level_follows_loss_and_round_trip(static_page):
    looks = [{"packets": packets, "loss": loss, "rtt": rtt} for packets, loss, rtt, _level in LEVELS]
    assert static_page.evaluate(LEVEL, looks) == [level for *_look, level in LEVELS]


def inbound(packets, lost):
    return {"type": "inbound-rtp", "packetsReceived": packets, "packetsLost": lost}


def test_only_what_happened_since_the_last_look_counts(static_page):
    looks = [[inbound(1000, 500)], [inbound(1100, 500)], [inbound(1190, 510)], [inbound(1190, 510)]]
    found = static_page.evaluate(LOOKS, looks)
    assert [one["level"] for one in found[1:]] == [5, 2, 0]
    assert found[2]["loss"] == pytest.approx(0.1)


def test_counts_that_run_backwards_are_no_loss(static_page):
    found = static_page.evaluate(LOOKS, [[inbound(100, 50)], [inbound(200, 40)]])
    assert (found[1]["level"], found[1]["loss"]) == (5, 0)


def test_what_the_other_side_loses_counts_too(static_page):
    remote = {"type": "remote-inbound-rtp", "fractionLost": 0.2}
    route = {
        "type": "candidate-pair",
        "nominated": True,
        "state": "succeeded",
        "currentRoundTripTime": 0.3,
        "availableOutgoingBitrate": 900_000,
    }
    old_route = {**route, "nominated": False, "currentRoundTripTime": 5}
    (found,) = static_page.evaluate(LOOKS, [[inbound(100, 0), remote, route, old_route]])
    assert (found["level"], found["rtt"], found["room"]) == (1, 0.3, 900_000)


def test_a_browser_that_does_not_say_how_much_it_can_send_is_not_held_back(static_page):
    route = {"type": "candidate-pair", "nominated": True, "state": "succeeded"}
    (found,) = static_page.evaluate(LOOKS, [[inbound(100, 0), route]])
    assert found["room"] == math.inf


def test_of_several_ways_the_one_in_use_says_how_much_can_be_sent(static_page):
    old = {"type": "candidate-pair", "nominated": True, "state": "succeeded"}
    used = {**old, "availableOutgoingBitrate": 200_000}
    looks = [[inbound(100, 0), *ways] for ways in ((used, old), (old, used))]
    assert [found["room"] for found in static_page.evaluate(LOOKS, looks)] == [200_000, 200_000]
