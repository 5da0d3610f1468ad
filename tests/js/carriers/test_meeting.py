"""The contract of room.js: who is there, and who comes and goes, on every carrier alike."""

from __future__ import annotations

import pytest


def test_alone_is_connecting_with_nobody_there(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          await until(() => a.arrived);
          await sleep(300);
          return [a.state, names(a), a.said.filter(([type]) => type === 'participant-joined').length];
        }"""
    )
    assert found == ["connecting", [], 0]


def test_two_meet_learn_all_of_each_other_and_are_told_of_each_other_once(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const b = await come('b');
          await meet(a, b);
          await until(() => [a, b].every((room) => people(room).every(({ tracks }) =>
            tracks.microphone && tracks.camera)));
          const seen = (room, name) => {
            const { id, role, state, media, tracks } = find(room, name);
            const added = new Set(told(room, 'track-added', name).map(([, , { source }]) => source));
            return { known: Boolean(id), role, state, media,
              kinds: [tracks.microphone.kind, tracks.camera.kind],
              told: ['microphone', 'camera'].every((source) => added.has(source) ||
                room.given.includes(id)),
              once: Number(room.given.includes(id)) + told(room, 'participant-joined', name).length };
          };
          await Promise.all([plays(a, 'b'), plays(b, 'a')]);
          return [seen(a, 'b'), seen(b, 'a')];
        }"""
    )
    media = {"mic": True, "cam": True, "screen": False}
    kinds = ["audio", "video"]
    one = {
        "known": True,
        "role": "guest",
        "state": "connected",
        "media": media,
        "kinds": kinds,
        "told": True,
        "once": 1,
    }
    assert found == [one, one]


def test_states_go_from_connecting_to_connected_and_back_when_the_other_leaves(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const b = await come('b');
          await meet(a, b);
          go(b, 'b');
          await until(() => a.state === 'connecting');
          return { states: a.said.filter(([type]) => type === 'state-changed').map(([, , d]) => d.state),
            here: names(a), left: told(a, 'participant-left', 'b').length,
            gone: [b.state, names(b), b.said.at(-1)[2].state] };
        }"""
    )
    assert found["states"] == ["connected", "connecting"]
    assert found["here"] == [] and found["left"] == 1
    assert found["gone"] == ["disconnected", [], "disconnected"]


def test_three_are_connected_each_with_each_and_one_who_leaves_takes_nothing_from_the_others(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const b = await come('b');
          await meet(a, b);
          const c = await come('c');
          await meet(a, b, c);
          const all = [a, b, c].map(names);
          await Promise.all([plays(a, 'c'), plays(c, 'a'), plays(c, 'b')]);
          go(b, 'b');
          await until(() => names(a).length === 1 && names(c).length === 1);
          await Promise.all([plays(a, 'c'), plays(c, 'a')]);
          return { all, rest: [names(a), names(c)], states: [a.state, b.state, c.state],
            dips: a.said.filter(([, , { state }]) => state && state !== 'connected').length };
        }"""
    )
    assert found["all"] == [["Pat b", "Pat c"], ["Pat a", "Pat c"], ["Pat a", "Pat b"]]
    assert found["rest"] == [["Pat c"], ["Pat a"]]
    assert found["states"] == ["connected", "disconnected", "connected"]
    assert found["dips"] == 0


def test_whoever_leaves_at_once_was_never_there(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          await until(() => a.arrived);
          const b = await come('b', { at_once: (room) => room.leave() });
          hub.lines.delete('b');
          hub.lines.get('a').say('participant-left', { id: 'b', reason: 'left' });
          const state = b.state;
          await sleep(1500);
          const here = names(a);
          const c = await come('c');
          await meet(a, c);
          return { state, here, after: b.state, said: b.said.map(([type]) => type), met: names(a) };
        }"""
    )
    assert found["state"] == found["after"] == "disconnected"
    assert found["here"] == [] and found["met"] == ["Pat c"]
    assert set(found["said"]) <= {"state-changed"}


def test_hurrying_and_reviving_hurt_at_no_time(page):
    found = page.evaluate(
        """async () => {
          const both = (room) => { room.hurry(); room.revive(); };
          const a = await come('a', { at_once: both });
          const b = await come('b', { at_once: both });
          both(a);
          await meet(a, b);
          both(a);
          both(b);
          await sleep(300);
          await Promise.all([plays(a, 'b'), plays(b, 'a')]);
          const states = [a.state, b.state];
          go(b, 'b');
          both(b);
          b.setMicrophone(false);
          b.setTrack('camera', null);
          b.leave();
          await until(() => a.state === 'connecting');
          return [...states, b.state];
        }"""
    )
    assert found == ["connected", "connected", "disconnected"]


def test_a_newer_page_of_the_same_person_takes_the_place_of_the_older(page, carrier):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const b = await come('b');
          await meet(a, b);
          // A crash: the older page says nothing, and the server takes it off its list.
          const line = hub.lines.get('b');
          hub.lines.delete('b');
          const newer = await come('b2', { as: 'b' });
          await until(() => newer.state === 'connected' && find(a, 'b')?.state === 'connected' &&
            find(newer, 'a'), 20000);
          await plays(a, 'b');
          await plays(newer, 'a');
          return { a: names(a), newer: names(newer), state: a.state,
            told: b.said.filter(([type]) => type === 'trouble').map(([, , { reason }]) => reason) };
        }"""
    )
    assert (found["a"], found["newer"], found["state"]) == (["Pat b"], ["Pat a"], "connected")
    if carrier == "twilio":
        assert found["told"][-1] == "elsewhere", "and Twilio tells the older one; our server does so embedded"


# Embedded, the name comes first and the connection after it.
@pytest.mark.parametrize("carrier", ["twilio"])
def test_a_name_that_is_known_late_is_shown_all_the_same(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const line = hub.lines.get('a');
          hub.lines.delete('a');
          const b = await come('b');
          await until(() => people(a).length === 1 && people(a)[0].state === 'connected', 15000);
          const before = names(a);
          line.say('participant-joined', { id: 'b', role: 'guest', name: 'Pat b', identity: 'b' });
          line.say('participant-joined', { id: 'b', role: 'guest', name: 'Pat b', identity: 'b' });
          await plays(a, 'b');
          const after = [names(a), find(a, 'b').state];
          b.leave();
          await until(() => !people(a).length);
          return [before, ...after, a.said.filter(([type]) => type === 'participant-joined').length];
        }"""
    )
    assert found == [[""], ["Pat b"], "connected", 2]
