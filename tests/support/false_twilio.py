"""A false twilio-video library, for errors and calls that the real one does not give when asked to.

Flows use the real one against the double. Of this one only `connect` answers: with what the page's
`connects(token)` gives, a room (`falseRoom()`) or the code of an error.
"""

from playwright.sync_api import BrowserContext, Page

ROOM = """
{
  class Voice {
    heard = {};
    on(type, act) { (this.heard[type] ??= []).push(act); return this; }
    once(type, act) { return this.on(type, act); }
    removeAllListeners() { this.heard = {}; return this; }
    say(type, ...what) { (this.heard[type] ?? []).forEach((act) => act(...what)); }
  }
  class Room extends Voice {
    state = 'connected';
    participants = new Map();
    refreshed = 0;
    localParticipant = Object.assign(new Voice(), { publishTrack: async () => {}, unpublishTrack() {} });
    refreshInactiveMedia() { this.refreshed += 1; return this; }
    disconnect() { this.say('disconnected', this); }
  }
  window.attempts = [];
  window.falseRoom = () => new Room();
}
"""

LIBRARY = """
{
  class LocalTrack {
    constructor(mediaStreamTrack, { name }) { Object.assign(this, { mediaStreamTrack, name }); }
    enable() {}
  }
  const connect = (token, options) => {
    const { tracks, ...others } = options;
    attempts.push({ token, tracks: tracks.map(({ name }) => name), options: structuredClone(others) });
    // As the real one does: it writes into what it is given.
    options.bandwidthProfile.video = 'spoiled';
    const promise = (async () => {
      const answer = await connects(token);
      if (typeof answer === 'number') throw Object.assign(new Error('no'), { code: answer });
      return answer;
    })();
    promise.cancel = () => {};
    return promise;
  };
  const isSupported = window.supported ?? true;
  const kinds = { LocalAudioTrack: LocalTrack, LocalVideoTrack: LocalTrack };
  window.Twilio = { Video: { connect, isSupported, ...kinds } };
}
"""


COME = """
async () => {
  const { Emitter } = await import('/call/emitter.js');
  const { connect } = await import('/call/twilio.js');
  window.come = async (token) => {
    const line = Object.assign(new Emitter(), { asked: 0, release() {}, ask() { this.asked += 1; },
      look: async () => ({}) });
    const me = { id: 'me', identity: 'me', role: 'guest', name: 'Me' };
    const counts = { renewed: 0, reopened: 0 };
    const room = await connect({ room: 'r', token }, { line, me, participants: [],
      renew: async () => { counts.renewed += 1; return { room: 'r', token }; },
      reopen: async () => { counts.reopened += 1; } });
    room.reasons = [];
    const tried = () => attempts.filter((one) => one.token === token).length;
    room.on('trouble', ({ reason }) => room.reasons.push([reason, tried()]));
    return Object.assign(room, { counts, line });
  };
}
"""
"""What a page does without a server: `come(token)` is somebody's room, and counts what it asked for."""


def serve(to: Page | BrowserContext) -> None:
    """Give pages this library when they ask for the real one."""
    to.route(
        "**/twilio-video-*.js",
        lambda route: route.fulfill(body=LIBRARY, content_type="text/javascript"),
    )
