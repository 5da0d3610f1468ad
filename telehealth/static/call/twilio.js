import { delay, insist, pause } from './http.js';
import { Room } from './room.js';
import { load, optionsFor, reasonOf, shownBy } from './twilio-library.js';

/** What may change in what a participant shows. */
const NEWS = [
  ...['trackSubscribed', 'trackUnsubscribed', 'trackEnabled', 'trackDisabled'],
  ...['trackPublished', 'trackUnpublished', 'reconnecting', 'reconnected'],
];

/** After so long in silence something on the way swallows what we say: firewalls do not answer. */
const SILENCE = 10000;

const LONG = 30000;

/** What no other try would change. */
const FINAL = ['elsewhere', 'put-out', 'unsupported'];

/** Calls over Twilio's rooms. The contract is in room.js. */
export async function connect(ticket, options) {
  return new TwilioRoom(ticket, options);
}

class TwilioRoom extends Room {
  #ticket;
  #renew;
  #reopen;
  #line;
  #video;
  #room = null;
  #connecting;
  #people = new Map();
  #tracks = { microphone: null, camera: null, screen: null };
  #published = new Map();
  #micOn = true;
  #out = false;
  #wake = () => {};

  constructor(ticket, { line, me, participants, renew, reopen }) {
    super();
    this.arrived = false;
    this.#ticket = ticket;
    this.#renew = renew;
    this.#reopen = reopen;
    this.#line = line;
    for (const who of [me, ...participants]) this.#people.set(who.identity, who);
    line.on('participant-joined', (who) => this.#meet(who));
    line.release();
    // Not before the page has given us its tracks: published later they cost another round.
    setTimeout(() => this.#run());
  }

  setTrack(source, track) {
    this.#tracks[source] = track;
    if (source === 'microphone' && track) track.enabled = this.#micOn;
    const before = this.#published.get(source);
    if (before?.mediaStreamTrack === track) return;
    this.#published.delete(source);
    if (!this.#room) return;
    if (before) this.#room.localParticipant.unpublishTrack(before);
    if (track) this.#publish(this.#wrapped(source));
  }

  setMicrophone(on) {
    if (on === this.#micOn) return;
    this.#micOn = on;
    const track = this.#tracks.microphone;
    if (!track) return;
    // The library tells others only of a change that it made itself.
    if (track.enabled === on) track.enabled = !on;
    this.#published.get('microphone')?.enable(on);
    track.enabled = on;
  }

  hurry() {
    this.#wake();
  }

  revive() {
    this.#room?.refreshInactiveMedia();
  }

  leave() {
    this.#out = true;
    // What is under way would put out the newer page that we leave for.
    this.#connecting?.cancel();
    this.#room?.disconnect();
    this.participants.clear();
    this.become('disconnected');
    this.#wake();
  }

  /** Connect, and again whenever it is over, until the person leaves or the server says no. */
  async #run() {
    for (let tries = 0; !this.#out; tries += 1) {
      let error;
      try {
        error = await this.#stay(() => (tries = 0));
      } catch (trouble) {
        error = trouble;
      }
      if (this.#out || !(await this.#mayGoOn(error, tries))) return;
    }
  }

  /** Connect and stay to the end, whose error is returned. */
  async #stay(connected) {
    this.#video ??= await load();
    if (this.#out) return undefined;
    this.#published.clear();
    const sent = this.#wrappedAll();
    const room = await this.#enter(sent);
    if (this.#out) {
      room.disconnect();
      return undefined;
    }
    this.#room = room;
    this.arrived = true;
    connected();
    this.say('trouble', { reason: null });
    this.#listen(room);
    // What was turned on or off while we connected.
    const wanted = this.#wrappedAll();
    for (const track of sent) {
      if (!wanted.includes(track)) room.localParticipant.unpublishTrack(track);
    }
    for (const track of wanted) {
      if (!sent.includes(track)) this.#publish(track);
    }
    for (const remote of room.participants.values()) this.#add(remote);
    this.#sum();
    const error = await new Promise((resolve) => {
      room.once('disconnected', (_room, why) => resolve(why));
    });
    this.#room = null;
    for (const id of [...this.participants.keys()]) this.#remove(id);
    return error;
  }

  async #enter(tracks) {
    const unheard = () => this.say('trouble', { reason: 'unreachable' });
    const timer = setTimeout(unheard, SILENCE);
    this.#connecting = this.#video.connect(this.#ticket.token, optionsFor(this.#ticket.room, tracks));
    try {
      return await this.#connecting;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What to do about it; whether to connect again. */
  async #mayGoOn(error, tries) {
    const reason = error ? reasonOf(error) : 'put-out';
    if (FINAL.includes(reason)) {
      this.say('trouble', { reason });
      return false;
    }
    const again = () => this.become(this.state === 'connecting' ? 'connecting' : 'reconnecting');
    // A room that is gone is most often the end, of which the answer tells.
    if (reason !== 'no-room') again();
    // The first time costs nobody a word: a fresh ticket or another room may be all it takes.
    if (tries) this.say('trouble', { reason });
    if (tries || reason === 'full') await this.#rest(reason, tries);
    const ask = async () => {
      try {
        if (reason === 'no-room') await this.#reopen();
        // Whoever went on elsewhere meanwhile is not to be put out by a page that wakes up.
        return await Promise.all([this.#renew(), this.#line.look()]);
      } catch (refusal) {
        if (!refusal.final) {
          again();
          this.say('trouble', { reason });
        }
        throw refusal;
      }
    };
    try {
      [this.#ticket] = await insist(ask, () => !this.#out);
      if (!this.#out) again();
      return !this.#out;
    } catch {
      // A no for good: the page asks how the session stands, and goes by that.
      this.#line.ask();
      return false;
    }
  }

  async #rest(reason, tries) {
    // Each ticket is written down, and one that was refused twice is refused for a while.
    const milliseconds = reason === 'no-entry' && tries > 1 ? LONG : delay(tries);
    await Promise.race([pause(milliseconds), new Promise((resolve) => (this.#wake = resolve))]);
  }

  /** Our track as the library wants it; the page owns it and stops it. */
  #wrapped(source) {
    const track = this.#tracks[source];
    if (!this.#published.has(source)) {
      const { LocalAudioTrack, LocalVideoTrack } = this.#video;
      const Kind = source === 'microphone' ? LocalAudioTrack : LocalVideoTrack;
      this.#published.set(source, new Kind(track, { name: source }));
    }
    return this.#published.get(source);
  }

  #wrappedAll() {
    const sources = Object.keys(this.#tracks).filter((source) => this.#tracks[source]);
    return sources.map((source) => this.#wrapped(source));
  }

  #publish(track) {
    this.#room.localParticipant.publishTrack(track).catch(() => {
      // Gone again before it was out, or the room is; the next connection takes it along.
    });
  }

  #listen(room) {
    room
      .on('participantConnected', (remote) => this.#add(remote))
      .on('participantDisconnected', (remote) => this.#left(remote))
      .on('reconnecting', (error) => {
        this.become('reconnecting');
        if (reasonOf(error) === 'no-path') this.say('trouble', { reason: 'no-path' });
      })
      .on('reconnected', () => this.#sum());
    room.localParticipant.on('networkQualityLevelChanged', (level) => {
      if (level !== null) this.say('quality', { level });
    });
  }

  /** Who somebody is may become known only after they are in the room. */
  #meet(who) {
    this.#people.set(who.identity, who);
    const stranger = this.participants.get(who.identity);
    if (stranger && !stranger.name) this.#add(stranger.remote);
  }

  #add(remote) {
    const { identity } = remote;
    // The same person on a newer page: the older one's tracks are of no use any more.
    if (this.participants.has(identity)) this.#remove(identity);
    const { role = '', name = '' } = this.#people.get(identity) ?? {};
    const participant = { id: identity, role, name, state: 'connecting', media: null, tracks: {}, remote };
    this.participants.set(identity, participant);
    const tell = () => this.#look(participant);
    for (const event of NEWS) remote.on(event, tell);
    // Ours alone: the library listens to its participants too, and must hear when they go.
    participant.deafen = () => NEWS.forEach((event) => remote.removeListener(event, tell));
    this.say('participant-joined', { participant });
    tell();
  }

  #left(remote) {
    const { identity } = remote;
    if (this.participants.get(identity)?.remote === remote) this.#remove(identity);
    this.#sum();
  }

  #remove(identity) {
    const participant = this.participants.get(identity);
    participant.deafen();
    this.participants.delete(identity);
    this.say('participant-left', { participant });
  }

  /** Take over what a participant shows now. */
  #look(participant) {
    const { remote, tracks } = participant;
    const { media, found, missing } = shownBy(remote);
    for (const [source, track] of Object.entries(found)) {
      if (tracks[source] === track) continue;
      tracks[source] = track;
      this.say('track-added', { participant, source, track });
    }
    for (const source of Object.keys(tracks)) {
      if (!found[source]) delete tracks[source];
    }
    // Who was reached once stays so: a camera that is turned on later is no new beginning.
    const reached = !missing || Object.keys(found).length > 0 || participant.state !== 'connecting';
    const state = remote.state === 'reconnecting' ? 'reconnecting' : reached ? 'connected' : 'connecting';
    participant.media = media;
    participant.state = state;
    this.say('remote-state', { participant });
    this.say('participant-state', { participant });
    this.#sum();
  }

  #sum() {
    if (this.#room?.state !== 'connected') return;
    const states = [...this.participants.values()].map(({ state }) => state);
    const best = ['connected', 'reconnecting'].find((state) => states.includes(state));
    this.become(best ?? 'connecting');
  }
}
