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
    attempts.push({ token, tracks: options.tracks.map(({ name }) => name) });
    const promise = (async () => {
      const answer = await connects(token);
      if (typeof answer === 'number') throw Object.assign(new Error('no'), { code: answer });
      return answer;
    })();
    promise.cancel = () => {};
    return promise;
  };
  const isSupported = window.supported ?? true;
  const tracks = { LocalAudioTrack: LocalTrack, LocalVideoTrack: LocalTrack };
  window.Twilio = { Video: { connect, isSupported, ...tracks } };
}
"""


def serve(to: Page | BrowserContext) -> None:
    """Give pages this library when they ask for the real one."""
    to.route(
        "**/twilio-video-*.js",
        lambda route: route.fulfill(body=LIBRARY, content_type="text/javascript"),
    )
