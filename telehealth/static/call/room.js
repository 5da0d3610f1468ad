import { Emitter } from './emitter.js';

/**
 * The contract between the call page and what carries a call: one module a carrier (peer.js) that
 * exports `connect`. Everything is said of participants, by id; there may be several.
 *
 * @typedef {'connecting'|'connected'|'reconnecting'} Reach how media gets through to a participant
 * @typedef {Reach|'disconnected'} State of the room: the best of its participants; `connecting`
 *   also with nobody there yet, which the page calls waiting
 * @typedef {'microphone'|'camera'|'screen'} Source
 * @typedef {{id: string, role: string, name: string, state: Reach,
 *   media: {mic: boolean, cam: boolean, screen: boolean}|null,
 *   tracks: Object<Source, MediaStreamTrack>}} Participant `media`: what they let others have
 *
 * `connect(ticket, {line, me, participants, offered, renew, reopen})` → Promise<Room>, without waiting
 * until anybody is reached. `ticket` is the server's, the next four are what it answered to entering,
 * `renew()` gets another ticket, `reopen()` has the server see to it that the room is there. Who is
 * in `room.participants` by then is not told of again. A carrier that wants the line's events calls
 * `line.release()`. Where the server says that this carrier can do so it exports `prepare()`, called
 * once before, which gives what the server passes on to the participant `offered`.
 *
 * Methods: `setTrack(source, track|null, shown)`: the page owns the tracks, and `shown` is the element
 * that plays its camera; `setMicrophone(on)`: mute, but keep it; `hurry()`: the network is back;
 * `revive()`: the page is in front again; `leave()`: out at once.
 *
 * Events: `state-changed` {state}; `participant-joined`, `participant-left`, `participant-state` and
 * `remote-state` (their `media` changed) {participant}; `track-added` {participant, source, track};
 * `quality` {level} 0 to 5, the worst; `trouble` {reason}: no-path, unreachable, full, no-video,
 * no-room, no-entry while it goes on trying, null when that is over, elsewhere, put-out and unsupported
 * when it gave up, and turn-credentials, of which the carrier takes care. Pictures are shown and hidden by
 * `remote-state`: with some carriers the track of a camera that is off stays.
 */
export class Room extends Emitter {
  /** @type {State} */
  state = 'connecting';
  /** Whether we are where others can find us; with some carriers that takes a moment. */
  arrived = true;
  /** @type {Map<string, Participant>} */
  participants = new Map();

  /** Browsers may have cut the devices off meanwhile. */
  revive() {}

  /** For carriers: change the state and say so. */
  become(state) {
    if (this.state === state || this.state === 'disconnected') return;
    this.state = state;
    this.say('state-changed', { state });
  }
}
