import { Emitter } from './emitter.js';

/** The order of the m-lines, the same in every description of every pair. */
export const SOURCES = ['microphone', 'camera', 'screen'];

const NO_PATH_AFTER = 15000;
const GRACE = { polite: 4000, impolite: 2000 };
const RESTART_STEP = 4000;
const RESTART_LONGEST = 15000;
const POLITE_EXTRA = 1500;
const REBUILD_PAUSE = 10000;

/** Which connection of the other side a description is of. */
const origin = (description) => /^o=\S+ (\d+)/m.exec(description?.sdp ?? '')?.[1] ?? null;

/**
 * The connection with one participant.
 *
 * The newcomer (`offerer`) lays out three m-lines and a data channel; whatever is turned on, off or
 * exchanged later needs no new description. Only ICE restarts do, and there the perfect negotiation
 * pattern keeps two offers from colliding.
 *
 * Events: `state` connecting | connected | reconnecting; `track` {source, track}; `media` {mic, cam,
 * screen} of the other side; `trouble` no-path | turn-credentials.
 */
export class Pair extends Emitter {
  state = 'connecting';
  #pc;
  #configuration;
  #polite;
  #send;
  #renew;
  #tracks;
  #media;
  #transceivers = null;
  #channel = null;
  #making = false;
  #ignoring = false;
  #chain = Promise.resolve();
  #restarts = 0;
  #restartTimer;
  #pathTimer;
  #rebuilt = -Infinity;
  #outdated = null;
  #closed = false;

  /**
   * @param {object} options
   * @param {RTCConfiguration} options.configuration
   * @param {boolean} options.polite whether we give way when two offers meet
   * @param {(body: object) => void} options.send carries a message to the other side, in order
   * @param {() => Promise<RTCConfiguration|null>} [options.renew] a fresh configuration if needed
   * @param {Object<string, MediaStreamTrack|null>} options.tracks our own, by source
   * @param {object} options.media what we let others have
   */
  constructor({ configuration, polite, send, renew = async () => null, tracks, media }) {
    super();
    this.#configuration = configuration;
    this.#polite = polite;
    this.#send = send;
    this.#renew = renew;
    this.#tracks = { ...tracks };
    this.#media = media;
  }

  /** Begin; `offerer`: we came later and offer, else the other side will. */
  open(offerer) {
    this.#build(offerer);
  }

  /** A message of the other side; they are worked off strictly one after another. */
  receive(body) {
    this.#chain = this.#chain
      .then(() => this.#closed || this.#take(body))
      .catch(() => this.#rebuild());
  }

  /** Put a track in place, or take it out with null. */
  setTrack(source, track) {
    this.#tracks[source] = track;
    this.#sender(source)?.replaceTrack(track).catch(() => {});
  }

  /** Let the other side know what it can have. */
  tell(media) {
    this.#media = media;
    if (this.#channel?.readyState === 'open') this.#channel.send(JSON.stringify(media));
  }

  /** Look for a new way, with `fresh` servers if given; goes on by itself until one is found. */
  async restart(fresh = null) {
    clearTimeout(this.#restartTimer);
    const pc = this.#pc;
    const configuration = fresh ?? (await this.#renew().catch(() => null));
    if (this.#closed || pc !== this.#pc) return;
    if (configuration) {
      this.#configuration = configuration;
      pc.setConfiguration(configuration);
    }
    if (pc.signalingState === 'stable' && this.#transceivers) pc.restartIce();
    if (pc.connectionState === 'connected') return;
    this.#restarts += 1;
    const wait = Math.min(RESTART_STEP * this.#restarts, RESTART_LONGEST);
    clearTimeout(this.#restartTimer);
    this.#restartTimer = setTimeout(
      () => this.restart(),
      wait + (this.#polite ? POLITE_EXTRA : 0),
    );
  }

  /** @returns {Promise<RTCStatsReport|Map>} */
  async stats() {
    return this.#closed ? new Map() : this.#pc.getStats();
  }

  close() {
    this.#closed = true;
    this.#drop();
  }

  #drop() {
    clearTimeout(this.#restartTimer);
    clearTimeout(this.#pathTimer);
    this.#pc?.close();
    this.#transceivers = null;
    this.#channel = null;
  }

  #build(offerer) {
    this.#drop();
    this.#making = this.#ignoring = false;
    this.#restarts = 0;
    const pc = new RTCPeerConnection(this.#configuration);
    this.#pc = pc;
    pc.onicecandidate = ({ candidate }) => {
      if (candidate?.candidate && pc === this.#pc) this.#send({ candidate: candidate.toJSON() });
    };
    pc.onnegotiationneeded = () => this.#offer(pc);
    pc.onconnectionstatechange = () => pc === this.#pc && this.#look();
    pc.onicecandidateerror = ({ errorCode }) => {
      if (errorCode === 401 && pc === this.#pc) this.say('trouble', 'turn-credentials');
    };
    this.#pathTimer = setTimeout(() => {
      this.say('trouble', 'no-path');
      this.restart();
    }, NO_PATH_AFTER);
    this.#become(this.state === 'connecting' ? 'connecting' : 'reconnecting');
    if (!offerer) return;
    // Only the offerer lays the lines out: two sides doing so would end up with six.
    const streams = [new MediaStream()];
    for (const source of SOURCES) {
      pc.addTransceiver(source === 'microphone' ? 'audio' : 'video', {
        direction: 'sendrecv',
        streams: source === 'screen' ? [] : streams,
      });
    }
    this.#adopt();
  }

  /** Begin anew and let the other side offer: for what an ICE restart cannot mend. */
  #rebuild() {
    if (this.#closed) return;
    const early = this.#rebuilt + REBUILD_PAUSE - performance.now();
    clearTimeout(this.#restartTimer);
    if (early > 0) {
      this.#restartTimer = setTimeout(() => this.#rebuild(), early);
      return;
    }
    this.#rebuilt = performance.now();
    this.#outdated = origin(this.#pc.remoteDescription);
    this.#build(false);
    this.#send({ restart: true });
  }

  async #offer(pc) {
    if (!this.#transceivers || pc !== this.#pc) return;
    this.#making = true;
    try {
      await pc.setLocalDescription();
      if (pc === this.#pc) this.#send({ description: pc.localDescription.toJSON() });
    } catch {
      // The connection was closed, or an offer of the other side came first; both are fine.
    } finally {
      if (pc === this.#pc) this.#making = false;
    }
  }

  async #take({ description, candidate, restart }) {
    if (restart) return this.#build(true);
    if (candidate) return this.#takeCandidate(candidate);
    if (!description) return undefined;
    if (this.#outdated && origin(description) === this.#outdated) return undefined;
    const offer = description.type === 'offer';
    const busy = this.#making || this.#pc.signalingState !== 'stable';
    this.#ignoring = offer && busy && !this.#polite;
    if (this.#ignoring) return undefined;
    if (!offer && this.#pc.signalingState !== 'have-local-offer') return undefined;
    // Rolling a first offer back would break its data channel: start afresh as the one who answers.
    if (offer && busy && !this.#pc.remoteDescription) this.#build(false);
    const pc = this.#pc;
    await pc.setRemoteDescription(description);
    if (!offer) return undefined;
    if (!this.#transceivers) this.#adopt();
    await pc.setLocalDescription();
    if (pc === this.#pc) this.#send({ description: pc.localDescription.toJSON() });
    return undefined;
  }

  async #takeCandidate(candidate) {
    try {
      await this.#pc.addIceCandidate(candidate);
    } catch {
      // One of an ignored offer or of a connection that is no more; the others make up for it.
    }
  }

  #adopt() {
    const pc = this.#pc;
    this.#transceivers = pc.getTransceivers().slice(0, SOURCES.length);
    const stream = new MediaStream();
    for (const [index, transceiver] of this.#transceivers.entries()) {
      const source = SOURCES[index];
      transceiver.direction = 'sendrecv';
      // One stream for voice and face keeps them in step on the other side.
      if (pc.remoteDescription && source !== 'screen') transceiver.sender.setStreams?.(stream);
      if (this.#tracks[source]) this.setTrack(source, this.#tracks[source]);
      this.say('track', { source, track: transceiver.receiver.track });
    }
    // Made by the answerer only now: earlier it would ask for a negotiation of its own.
    this.#channel = pc.createDataChannel('state', { negotiated: true, id: 0 });
    this.#channel.onopen = () => this.tell(this.#media);
    this.#channel.onmessage = ({ data }) => {
      const { mic, cam, screen } = JSON.parse(data);
      this.say('media', { mic: mic === true, cam: cam === true, screen: screen === true });
    };
  }

  #sender(source) {
    return this.#transceivers?.[SOURCES.indexOf(source)]?.sender;
  }

  #look() {
    const { connectionState, iceConnectionState } = this.#pc;
    if (connectionState === 'connected') {
      clearTimeout(this.#restartTimer);
      clearTimeout(this.#pathTimer);
      this.#restarts = 0;
      this.#become('connected');
    } else if (connectionState === 'disconnected' || connectionState === 'failed') {
      if (this.state === 'connected') this.#become('reconnecting');
      if (connectionState === 'failed' && /^(connected|completed)$/.test(iceConnectionState)) {
        // The way is there but what is to go over it is broken, and an ICE restart keeps that.
        this.#rebuild();
      } else if (this.#restarts === 0) {
        const grace = this.#polite ? GRACE.polite : GRACE.impolite;
        clearTimeout(this.#restartTimer);
        this.#restartTimer = setTimeout(
          () => this.restart(),
          connectionState === 'failed' ? 0 : grace,
        );
      }
    }
  }

  #become(state) {
    if (this.state === state) return;
    this.state = state;
    this.say('state', state);
  }
}
