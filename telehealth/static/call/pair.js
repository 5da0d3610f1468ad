import { Emitter } from './emitter.js';
import { Lines } from './lines.js';

const GATHER = 20;
const GATHER_MORE = 4;
const NO_PATH_AFTER = 15000;
const RESTART_STEP = 4000;
const RESTART_LONGEST = 15000;
const REBUILD_PAUSE = 10000;

/** Which connection of the other side a description is of. */
const origin = (description) => /^o=\S+ (\d+)/m.exec(description?.sdp)?.[1];

/** Firefox says so; read from what came, for other browsers' `remoteDescription` has lost it. */
const isOfFirefox = (description) => /^o=mozilla/m.test(description?.sdp);

/**
 * The connection with one participant.
 *
 * The newcomer (`offerer`) lays out three m-lines and a data channel; whatever is turned on, off or
 * exchanged later needs no new description. Only ICE restarts do, and there the perfect negotiation
 * pattern keeps two offers apart.
 *
 * Events: `state` connecting | connected | reconnecting; `track` {source, track}; `media` {mic, cam,
 * screen} of the other side; `trouble` no-path | turn-credentials.
 */
export class Pair extends Emitter {
  state = 'connecting';
  #told;
  /** The first description to come that is made here; nothing where that fails. */
  described = new Promise((resolve) => {
    this.#told = resolve;
  });
  #configuration;
  #pc = null;
  #polite = false;
  #withFirefox = false;
  #send = null;
  #renew = null;
  #outbox = [];
  #lines = new Lines(this);
  #describing = null;
  #answered = null;
  #making = false;
  #chain = Promise.resolve();
  #restarts = 0;
  #restartTimer;
  #pathTimer;
  #rebuilt = -Infinity;
  #outdated;
  #closed = false;

  /** @param {RTCConfiguration} configuration */
  constructor(configuration) {
    super();
    this.#configuration = configuration;
  }

  /** Begin, if not yet begun; the offer may be made before it is known with whom. */
  open(offerer) {
    if (!this.#pc) this.#build(offerer);
  }

  /**
   * Now it is known with whom. `polite`: we give way when two offers meet; `send(body)` takes
   * messages to the other side, in order, and `offered` whether it was given the first offer already;
   * `renew()` gives a promise of a fresh configuration, or of null where the one at hand is good.
   */
  join({ polite, send, offered, renew }) {
    this.#polite = polite;
    this.#send = send;
    this.#renew = renew;
    for (const body of this.#outbox) if (!offered || !body.description) send(body);
    this.#watchPath();
  }

  /** A message of the other side; they are worked off strictly one after another. */
  receive(body) {
    this.#chain = this.#chain
      .then(() => this.#closed || this.#take(body))
      .catch(() => this.#rebuild());
  }

  /** Tracks of the other side, by source. */
  get received() {
    return this.#lines.received;
  }

  /** Put a track in place, or take it out with null; `shown`: an element that plays a camera's. */
  setTrack(source, track, shown) {
    this.#lines.setTrack(source, track, shown);
  }

  /** There is room for the camera's whole picture. */
  sharpen() {
    this.#lines.sharpen();
  }

  /** Let the other side know what it can have. */
  tell(media) {
    this.#lines.tell(media);
  }

  /** Look for a new way, with `fresh` servers if given; goes on until there is one. */
  async restart(fresh = null) {
    const pc = this.#pc;
    const configuration = fresh ?? (await this.#renew?.().catch(() => null));
    if (this.#closed || pc !== this.#pc) return;
    if (configuration) {
      this.#configuration = configuration;
      pc.setConfiguration(configuration);
    }
    const { connectionState, remoteDescription, signalingState } = pc;
    if (this.#mixed && remoteDescription) {
      if (['disconnected', 'failed'].includes(connectionState)) this.#rebuild();
      // What is just being made has its time.
      else if (connectionState !== 'connected') this.#restartIn(RESTART_STEP);
      return;
    }
    if (signalingState === 'stable' && this.#lines.laid) pc.restartIce();
    if (connectionState === 'connected') return;
    this.#restarts += 1;
    const wait = Math.min(RESTART_STEP * this.#restarts, RESTART_LONGEST);
    this.#restartIn(wait + (this.#polite ? 1500 : 0));
  }

  /**
   * Whether one side alone is Firefox. After an ICE restart the other goes on to the old ports of
   * Firefox, which takes nothing there any more: connected, and silent for ever.
   */
  get #mixed() {
    return this.#withFirefox !== isOfFirefox(this.#pc.localDescription);
  }

  async stats() {
    return this.#closed ? [] : this.#pc.getStats();
  }

  close() {
    this.#closed = true;
    this.#drop();
  }

  #drop() {
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#pathTimer);
    this.#pc?.close();
    this.#lines.drop();
  }

  #restartIn(milliseconds) {
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(() => this.restart(), milliseconds);
  }

  #watchPath() {
    clearTimeout(this.#pathTimer);
    this.#pathTimer = setTimeout(() => {
      this.say('trouble', 'no-path');
      this.restart();
    }, NO_PATH_AFTER);
  }

  #build(offerer) {
    this.#drop();
    this.#making = false;
    this.#describing = this.#answered = null;
    this.#restarts = 0;
    const pc = new RTCPeerConnection(this.#configuration);
    this.#pc = pc;
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate || pc !== this.#pc) return;
      // Those found before a description goes out are in it.
      if (this.#describing) {
        setTimeout(this.#describing, GATHER_MORE);
        return;
      }
      const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
      const plain = { candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment };
      this.#post({ candidate: plain });
    };
    pc.onnegotiationneeded = () => this.#offer(pc);
    pc.onconnectionstatechange = () => pc === this.#pc && this.#look();
    pc.onicecandidateerror = ({ errorCode }) => {
      if (errorCode === 401 && pc === this.#pc) this.say('trouble', 'turn-credentials');
    };
    if (this.#send) this.#watchPath();
    if (this.state === 'connected') this.#become('reconnecting');
    if (!offerer) return;
    this.#lines.layOut(pc);
    this.#lines.announce();
  }

  /** Begin anew and let the other side offer: for what an ICE restart cannot mend. */
  #rebuild() {
    if (this.#closed) return;
    clearTimeout(this.#restartTimer);
    const early = this.#rebuilt + REBUILD_PAUSE - performance.now();
    if (early > 0) {
      this.#restartTimer = setTimeout(() => this.#rebuild(), early);
      return;
    }
    this.#rebuilt = performance.now();
    this.#outdated = origin(this.#pc.remoteDescription);
    this.#build(false);
    this.#post({ restart: true });
  }

  #post(body) {
    if (this.#send) this.#send(body);
    else this.#outbox.push(body);
  }

  async #offer(pc) {
    this.#making = true;
    try {
      // An answer that is not out yet must go first.
      await this.#answered;
      if (pc !== this.#pc || pc.signalingState !== 'stable' || !this.#lines.laid) return;
      await pc.setLocalDescription();
      this.#describe(pc);
    } catch {
      // Closed, or an offer of the other side came first: both are fine.
      this.#told();
    } finally {
      if (pc === this.#pc) this.#making = false;
    }
  }

  /** Send our description with the first ways to us in it: in messages of their own they cost time. */
  #describe(pc) {
    if (pc !== this.#pc) return undefined;
    return new Promise((resolve) => {
      const send = () => {
        resolve();
        // Unless it was sent, rolled back, or something newer took its place.
        if (this.#describing !== send || pc !== this.#pc) return;
        this.#describing = null;
        const { type, sdp } = pc.localDescription;
        this.#told({ type, sdp });
        this.#post({ description: { type, sdp } });
      };
      this.#describing = send;
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && send();
      if (pc.iceGatheringState === 'complete') send();
      else setTimeout(send, GATHER);
    });
  }

  async #take({ description, candidate, restart }) {
    if (restart) this.#build(true);
    // A candidate that does not fit is of an offer we ignored or of a connection that is no more.
    if (candidate) await this.#pc.addIceCandidate(candidate).catch(() => {});
    if (!description || (this.#outdated && origin(description) === this.#outdated)) return;
    const offer = description.type === 'offer';
    const { signalingState, remoteDescription } = this.#pc;
    const clash = offer && (this.#making || signalingState !== 'stable');
    if (offer ? clash && !this.#polite : signalingState !== 'have-local-offer') return;
    // Rolling a first offer back would break its data channel: start afresh as the one who answers.
    if (clash && !remoteDescription) this.#build(false);
    const pc = this.#pc;
    // What of ours was not out yet is rolled back with it.
    if (clash) this.#describing = null;
    this.#withFirefox = isOfFirefox(description);
    await pc.setRemoteDescription(description);
    if (offer) await this.#answer(pc);
    this.#lines.warm().catch(() => {});
  }

  async #answer(pc) {
    const first = !this.#lines.laid;
    if (first) this.#lines.adopt(pc);
    const set = pc.setLocalDescription();
    // What follows from the tracks takes the page a while, and the answer should not wait for it.
    if (first) this.#lines.announce();
    await set;
    this.#answered = this.#describe(pc);
  }

  #look() {
    const { connectionState, iceConnectionState } = this.#pc;
    const failed = connectionState === 'failed';
    if (connectionState === 'connected') {
      clearTimeout(this.#restartTimer);
      clearTimeout(this.#pathTimer);
      this.#restarts = 0;
      this.#lines.flow();
      this.#become('connected');
    } else if (failed || connectionState === 'disconnected') {
      if (this.state === 'connected') this.#become('reconnecting');
      // The way is there, what goes over it is broken: an ICE restart would keep that.
      if (failed && /^co/.test(iceConnectionState)) this.#rebuild();
      else if (!this.#restarts) this.#restartIn(failed ? 0 : this.#polite ? 4000 : 2000);
    }
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.say('state', state);
  }
}
