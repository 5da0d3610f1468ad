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
    people(room).every(({ state, media }) => state === 'connected' && media)));
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
    const first = await until(shown);
    await until(() => shown() > first + 2);
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
