"""The contract of room.js, asked of every carrier alike: the embedded one, and Twilio's on its double.

Several rooms live in one page, each somebody's. What differs is how they come together: embedded, by
messages over the line; on Twilio, through its signalling, with the library as it is.
"""

from __future__ import annotations

import secrets

import pytest
import requests
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VideoGrant

PEOPLE = ("a", "b", "c", "a2")

# come(id): somebody's room, on the carrier at hand. `hub` is what the server does, in small.
SCENE = """
async ({ carrier, tickets }) => {
  const { Emitter } = await import('/call/emitter.js');
  const { connect } = await import(`/call/${carrier}.js`);
  window.hub = { lines: new Map(), renewed: 0 };
  class HubLine extends Emitter {
    constructor(me) { super(); this.me = me; this.participant = me.id; }
    release() { hub.lines.set(this.participant, this); }
    ask() {}
    async look() { return {}; }
    async reopen() { return {}; }
    send(to, body) {
      const plain = JSON.parse(JSON.stringify(body));
      setTimeout(() => hub.lines.get(to)?.say('signal', { from: this.participant, body: plain }), 5);
    }
  }
  window.devices = async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    return { microphone: stream.getAudioTracks()[0], camera: stream.getVideoTracks()[0] };
  };
  window.nothing = { microphone: null, camera: null };
  window.come = async (id, { as = id, tracks = null, muted = false, at_once = null } = {}) => {
    // Whoever may use a camera is told of more ways to this machine than others.
    const own = { ...(await devices()), ...tracks };
    const others = [...hub.lines.values()].map((line) => line.me);
    const me = { id, role: 'guest', name: `Pat ${as}`, identity: as };
    const line = new HubLine(me);
    const ticket = tickets[as];
    const room = await connect(ticket, { line, me, participants: others, reopen: async () => {},
      renew: async () => { hub.renewed += 1; return ticket; } });
    room.given = [...room.participants.keys()];
    room.said = [];
    for (const type of ['state-changed', 'participant-joined', 'participant-left', 'participant-state',
      'remote-state', 'track-added', 'quality', 'trouble']) {
      room.on(type, (detail) => room.said.push([type, detail.participant?.name ?? null, detail]));
    }
    at_once?.(room);
    for (const source of ['microphone', 'camera']) room.setTrack(source, own[source]);
    if (muted) room.setMicrophone(false);
    for (const other of others) hub.lines.get(other.id)?.say('participant-joined', me);
    return room;
  };
  // What the server tells the others when a page goes.
  window.go = (room, id) => {
    room.leave();
    hub.lines.delete(id);
    for (const line of hub.lines.values()) line.say('participant-left', { id, reason: 'left' });
  };
  window.people = (room) => [...room.participants.values()];
  window.names = (room) => people(room).map(({ name }) => name).sort();
  window.find = (room, name) => people(room).find((one) => one.name === `Pat ${name}`);
  window.meet = (...rooms) => until(() => rooms.every((room) => room.state === 'connected' &&
    people(room).length === rooms.length - 1 &&
    people(room).every(({ state, media }) => state === 'connected' && media)), 20000);
  window.told = (room, type, name) => room.said.filter(([of, who]) => of === type && who === `Pat ${name}`);
  // Whether new pictures of a participant keep coming.
  window.plays = async (room, name) => {
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const { camera, microphone } = await until(() => (({ tracks } = {}) => tracks?.camera && tracks)(
      find(room, name)));
    video.srcObject = new MediaStream([camera, microphone].filter(Boolean));
    video.play().catch(() => {});
    const shown = () => video.videoWidth && video.getVideoPlaybackQuality().totalVideoFrames;
    const first = await until(shown, 20000);
    await until(() => shown() > first + 2, 20000);
    video.remove();
    return true;
  };
}
"""


@pytest.fixture(scope="module")
def browser(twilio_browser):
    """Both carriers have the same browser; twilio.com is the double for it."""
    return twilio_browser


@pytest.fixture(params=["peer", "twilio"])
def carrier(request):
    return request.param


@pytest.fixture
def page(static_page, carrier, twilio):
    tickets = {who: {"expires_at": "2099-01-01T00:00:00Z"} for who in PEOPLE}
    if carrier == "peer":
        for ticket in tickets.values():
            ticket.update(ice_servers=[], ice_transport_policy="all")
    else:
        room = make_room(twilio)
        for who, ticket in tickets.items():
            ticket.update(room=room, identity=who, token=make_token(twilio, room, who))
    static_page.evaluate(SCENE, {"carrier": carrier, "tickets": tickets})
    return static_page


def make_room(twilio):
    name = f"visit-{secrets.token_hex(4)}"
    auth = (twilio.account_sid, twilio.auth_token)
    url = f"{twilio.rest_url}/v1/Rooms"
    requests.post(url, data={"UniqueName": name}, auth=auth, timeout=10).raise_for_status()
    return name


def make_token(twilio, room, who):
    keys = (twilio.account_sid, twilio.api_key, twilio.api_secret)
    token = AccessToken(*keys, identity=who, ttl=600)
    token.add_grant(VideoGrant(room=room))
    return str(token.to_jwt())


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


def test_two_meet_and_learn_all_of_each_other(page):
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
                room.given.includes(id)) };
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
    }
    assert found == [one, one]


def test_everybody_is_either_there_from_the_first_or_told_of_once(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          const b = await come('b');
          await meet(a, b);
          return [[a, 'b'], [b, 'a']].map(([room, name]) =>
            Number(room.given.includes(find(room, name).id)) + told(room, 'participant-joined', name).length);
        }"""
    )
    assert found == [1, 1]


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


def test_somebody_who_comes_late_meets_what_is_off_as_off(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a');
          a.setMicrophone(false);
          a.setTrack('camera', null);
          const b = await come('b');
          await meet(a, b);
          await until(() => !find(b, 'a').media.mic && !find(b, 'a').media.cam);
          return [find(b, 'a').media, find(a, 'b').media];
        }"""
    )
    assert found == [
        {"mic": False, "cam": False, "screen": False},
        {"mic": True, "cam": True, "screen": False},
    ]


def test_muting_and_the_camera_are_told_and_undone(page):
    found = page.evaluate(
        """async () => {
          const own = await devices();
          const a = await come('a', { tracks: own });
          const b = await come('b');
          await meet(a, b);
          const seen = () => ({ ...find(b, 'a').media });
          const steps = [];
          const step = async (act, done) => {
            act();
            await until(() => done(seen()), 15000);
            steps.push(Object.values(seen()).slice(0, 2));
          };
          await step(() => a.setMicrophone(false), ({ mic }) => !mic);
          steps.push(own.microphone.enabled);
          await step(() => a.setTrack('camera', null), ({ cam }) => !cam);
          await step(() => a.setMicrophone(true), ({ mic }) => mic);
          steps.push(own.microphone.enabled);
          const again = (await devices()).camera;
          await step(() => a.setTrack('camera', again), ({ cam }) => cam);
          await until(() => find(b, 'a').tracks.camera);
          await plays(b, 'a');
          return { steps, told: told(b, 'remote-state', 'a').length >= 4, live: again.readyState };
        }"""
    )
    assert found["steps"] == [[False, True], False, [False, False], [True, False], True, [True, True]]
    assert found["told"]
    assert found["live"] == "live"


def test_tracks_are_exchanged_in_place_and_stay_the_pages_own(page):
    found = page.evaluate(
        """async () => {
          const own = await devices();
          const a = await come('a', { tracks: own });
          const b = await come('b');
          await meet(a, b);
          const fresh = await devices();
          a.setTrack('camera', fresh.camera);
          a.setTrack('microphone', fresh.microphone);
          const old = [own.camera.readyState, own.microphone.readyState];
          own.camera.stop();
          own.microphone.stop();
          await until(() => find(b, 'a')?.tracks.camera && find(b, 'a').media.cam && find(b, 'a').media.mic);
          await sleep(500);
          await plays(b, 'a');
          go(a, 'a');
          return { old, own: [fresh.camera.readyState, fresh.microphone.readyState], state: b.state };
        }"""
    )
    assert found["old"] == ["live", "live"], "the carrier stopped what is the page's"
    assert found["own"] == ["live", "live"], "leaving stopped what is the page's"


def test_who_muted_before_there_was_a_microphone_stays_muted_when_it_comes(page):
    found = page.evaluate(
        """async () => {
          const own = await devices();
          const a = await come('a', { tracks: nothing, muted: true });
          const b = await come('b');
          await meet(a, b);
          a.setTrack('microphone', own.microphone);
          a.setTrack('camera', own.camera);
          await until(() => find(b, 'a').media.cam);
          await plays(b, 'a');
          const muted = [own.microphone.enabled, find(b, 'a').media.mic];
          a.setMicrophone(true);
          await until(() => find(b, 'a').media.mic);
          return [...muted, own.microphone.enabled];
        }"""
    )
    assert found == [False, False, True]


def test_without_any_device_one_is_connected_and_sees_the_other(page):
    found = page.evaluate(
        """async () => {
          const a = await come('a', { tracks: nothing });
          const b = await come('b');
          await meet(a, b);
          await until(() => find(a, 'b').tracks.camera);
          await plays(a, 'b');
          return [find(b, 'a').media, b.state];
        }"""
    )
    assert found == [{"mic": False, "cam": False, "screen": False}, "connected"]


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


# On Twilio the media server measures it, and the double has none.
@pytest.mark.parametrize("carrier", ["peer"])
def test_quality_is_a_level_from_0_to_5(page):
    level = page.evaluate(
        """async () => {
          const [a, b] = [await come('a'), await come('b')];
          const level = new Promise((resolve) => a.on('quality', ({ level }) => resolve(level)));
          await meet(a, b);
          return level;
        }"""
    )
    assert level in range(6)
