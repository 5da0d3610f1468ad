import { Emitter } from './emitter.js';

/**
 * The contract between the call page and what carries a call. One module a carrier (`peer.js`); it
 * exports `connect` and the page knows nothing else of it. Everything is said of participants, by
 * id: there may be several.
 *
 * @typedef {'microphone'|'camera'|'screen'} Source
 * @typedef {'connecting'|'connected'|'reconnecting'} Reach how media gets through to one participant
 * @typedef {Reach|'disconnected'} State of the room: `connected` as soon as it is with one of them;
 *   `connecting` also with nobody there yet, which the page calls waiting
 * @typedef {{mic: boolean, cam: boolean, screen: boolean}} Media what somebody lets others have
 * @typedef {{id: string, role: string, name: string, state: Reach, media: Media|null,
 *   tracks: Object<Source, MediaStreamTrack>}} Participant `media` is null until it is known
 *
 * A carrier may also export `prepare(ticket)`, called when `connect` will soon be: it may get ready.
 *
 * @callback connect
 * @param {object} ticket the server's answer for this session: provider, room, identity, token, …
 * @param {object} options
 * @param {import('./signal.js').Line} options.line to the server; a carrier that uses it calls
 *   `line.release()` when it listens
 * @param {{id: string, role: string, name: string}} options.me
 * @param {Array<{id: string, role: string, name: string}>} options.participants already in the call
 * @param {() => Promise<object>} options.renew gets a fresh ticket
 * @returns {Promise<Room>}
 *
 * Whoever is in `participants` when the promise is kept is not told of again: look there first.
 *
 * Events of a room:
 * - `state-changed` {state, reason}
 * - `participant-joined` {participant}; `participant-left` {participant, reason}
 * - `participant-state` {participant}: its `state` changed
 * - `track-added` {participant, source, track}; `track-removed` {participant, source}. A page shows
 *   and hides pictures by `remote-state`: with some carriers a track stays when its camera is off
 * - `remote-state` {participant}: its `media` changed
 * - `quality` {level, loss, rtt}: 0 to 5, the worst of all
 * - `trouble` {reason}: `no-path` (15 s and media does not get through), `turn-credentials`
 */
export class Room extends Emitter {
  /** @type {State} */
  state = 'connecting';
  /** @type {Map<string, Participant>} */
  participants = new Map();

  /** Put a local track in place of the one there was; null takes it out. The page owns tracks. */
  setTrack(_source, _track) {
    throw new Error('a carrier has its own');
  }

  /** Mute or unmute without letting the microphone go. */
  setMicrophone(_on) {
    throw new Error('a carrier has its own');
  }

  /** The network is back or has changed: look for a way again. */
  hurry() {}

  /** Out of the call at once, with every connection; local tracks stay as they are. */
  leave() {
    throw new Error('a carrier has its own');
  }

  /** For carriers: change the state and say so once. */
  become(state, reason = '') {
    if (this.state === state || this.state === 'disconnected') return;
    this.state = state;
    this.say('state-changed', { state, reason });
  }
}
