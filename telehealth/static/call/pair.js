import { Emitter } from './emitter.js';

/** The order of the m-lines, the same in every description of every pair. */
export const SOURCES = ['microphone', 'camera', 'screen'];

const GATHER = 20;
const FIRST_SIDE = 640;
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
 * It may be opened before it is known with whom (`join`): the offer is then ready to go.
 *
 * Events: `state` connecting | connected | reconnecting; `track` {source, track}; `media` {mic, cam,
 * screen} of the other side; `trouble` no-path | turn-credentials.
 */
export class Pair extends Emitter {
  state = 'connecting';
  /** Tracks of the other side, by source. */
  received = {};
  #pc = null;
  #configuration;
  #polite = false;
  #send = null;
  #outbox = [];
  #renew = async () => null;
  #tracks = {};
  #media = {};
  #transceivers = null;
  #channel = null;
  #sharp = false;
  #describing = null;
  #answered = null;
  #making = false;
  #ignoring = false;
  #chain = Promise.resolve();
  #restarts = 0;
  #restartTimer;
  #pathTimer;
  #rebuilt = -Infinity;
  #outdated = null;
  #closed = false;

  /** @param {RTCConfiguration} configuration */
  constructor(configuration) {
    super();
    this.#configuration = configuration;
  }

  /** Begin; `offerer`: we came later and offer, else the other side will. Once is enough. */
  open(offerer) {
    if (!this.#pc) this.#build(offerer);
  }

  /**
   * Now it is known with whom.
   *
   * @param {object} options
   * @param {boolean} options.polite whether we give way when two offers meet
   * @param {(body: object) => void} options.send carries a message to the other side, in order
   * @param {() => Promise<RTCConfiguration|null>} [options.renew] a fresh configuration if needed
   */
  join({ polite, send, renew }) {
    this.#polite = polite;
    this.#send = send;
    if (renew) this.#renew = renew;
    this.#outbox.splice(0).forEach(send);
    this.#watchPath();
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
    if (source === 'camera' && track) this.#scale();
  }

  /** The way has room for the camera's whole picture. */
  sharpen() {
    if (this.#sharp) return;
    this.#sharp = true;
    this.#scale();
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

  #watchPath() {
    clearTimeout(this.#pathTimer);
    this.#pathTimer = setTimeout(() => {
      this.say('trouble', 'no-path');
      this.restart();
    }, NO_PATH_AFTER);
  }

  #build(offerer) {
    this.#drop();
    this.#making = this.#ignoring = false;
    this.#describing = this.#answered = null;
    this.#sharp = false;
    this.#restarts = 0;
    const pc = new RTCPeerConnection(this.#configuration);
    this.#pc = pc;
    pc.onicecandidate = ({ candidate }) => {
      if (!candidate?.candidate || pc !== this.#pc || this.#describing) return;
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
    this.#post({ restart: true });
  }

  async #offer(pc) {
    this.#making = true;
    try {
      // An answer that is not out yet must go first.
      await this.#answered;
      if (pc !== this.#pc || pc.signalingState !== 'stable' || !this.#transceivers) return;
      await pc.setLocalDescription();
      if (pc === this.#pc) this.#describe(pc);
    } catch {
      // The connection was closed, or an offer of the other side came first; both are fine.
    } finally {
      if (pc === this.#pc) this.#making = false;
    }
  }

  /** Send our description, with the first ways to us in it: messages of their own cost time. */
  #describe(pc) {
    const turn = {};
    this.#describing = turn;
    const send = () => {
      // Something newer took its place, or it was rolled back.
      if (this.#describing !== turn || pc !== this.#pc) return;
      this.#describing = null;
      const { type, sdp } = pc.localDescription;
      this.#post({ description: { type, sdp } });
    };
    if (pc.iceGatheringState === 'complete') {
      send();
      return undefined;
    }
    return new Promise((resolve) => {
      const done = () => resolve(send());
      pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done();
      setTimeout(done, GATHER);
    });
  }

  #post(body) {
    if (this.#send) this.#send(body);
    else this.#outbox.push(body);
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
    if (pc === this.#pc) this.#answered = this.#describe(pc);
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
      this.received[source] = transceiver.receiver.track;
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

  /** Begin with a small picture: of a large one browsers hold the first frames back. */
  #scale() {
    const sender = this.#sender('camera');
    const parameters = sender?.getParameters();
    if (!parameters?.encodings?.length || !this.#tracks.camera) return;
    const { width = 0, height = 0 } = this.#tracks.camera.getSettings();
    const scale = this.#sharp ? 1 : Math.max(1, width / FIRST_SIDE, height / FIRST_SIDE);
    parameters.encodings[0].scaleResolutionDownBy = scale;
    sender.setParameters(parameters).catch(() => {});
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
