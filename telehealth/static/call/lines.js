import { Still } from './still.js';

/** The order of the m-lines, the same in every description. */
export const SOURCES = ['microphone', 'camera', 'screen'];

const FIRST_SIDE = 640;
const AGAIN = 15;
const TO_CAMERA = 45;

/**
 * What goes over a connection once it is there: three m-lines, of which each side fills its own half,
 * and a channel in which they tell each other what they send. Laid anew with each connection; what
 * this side sends stays the same.
 */
export class Lines {
  /** Tracks of the other side, by source. */
  received = {};
  #pair;
  #tracks = {};
  #media = {};
  #transceivers = null;
  #channel = null;
  #sharp = false;
  #shown = null;
  #still = null;
  #warmed = false;

  /** @param {Emitter} pair says `track` and `media` of the other side */
  constructor(pair) {
    this.#pair = pair;
  }

  get laid() {
    return this.#transceivers !== null;
  }

  /** Only the offerer lays the lines out: two sides doing so would end up with six. */
  layOut(pc) {
    const streams = [new MediaStream()];
    for (const source of SOURCES) {
      pc.addTransceiver(source === 'microphone' ? 'audio' : 'video', {
        streams: source === 'screen' ? [] : streams,
      });
    }
    this.adopt(pc);
  }

  /** Take over the lines that a description has laid, and fill our half. */
  adopt(pc) {
    this.#transceivers = pc.getTransceivers().slice(0, SOURCES.length);
    const stream = new MediaStream();
    for (const [index, transceiver] of this.#transceivers.entries()) {
      const source = SOURCES[index];
      transceiver.direction = 'sendrecv';
      // One stream for voice and face keeps them in step.
      if (pc.remoteDescription && source !== 'screen') transceiver.sender.setStreams?.(stream);
      if (this.#tracks[source]) this.setTrack(source, this.#tracks[source]);
      this.received[source] = transceiver.receiver.track;
    }
    // The answerer makes it only now: earlier it would ask for a negotiation of its own.
    this.#channel = pc.createDataChannel('state', { negotiated: true, id: 0 });
    this.#channel.onopen = () => this.tell(this.#media);
    this.#channel.onmessage = ({ data }) => {
      const { mic, cam, screen } = JSON.parse(data);
      this.#pair.say('media', { mic: mic === true, cam: cam === true, screen: screen === true });
    };
  }

  announce() {
    for (const source of SOURCES) this.#pair.say('track', { source, track: this.received[source] });
  }

  /** Both sides are described, and wait for the connection: once for each. */
  async warm() {
    const ready = this.#tracks.camera && this.#shown?.videoWidth && !document.hidden;
    if (this.#warmed || !ready) return;
    this.#warmed = true;
    const still = new Still(this.#shown);
    this.#still = still;
    await this.#sender('camera').replaceTrack(still.track);
    still.give();
  }

  /** The connection is there; now and then sooner than the word that it can be made. */
  flow() {
    this.#warmed = true;
    const still = this.#still;
    if (!still) return;
    still.give();
    setTimeout(() => still.give(), AGAIN);
    // Not at once: the picture would be lost on its way.
    setTimeout(() => this.#still === still && this.setTrack('camera', this.#tracks.camera), TO_CAMERA);
  }

  /** The connection is no more. */
  drop() {
    this.#still?.track.stop();
    this.#transceivers = this.#channel = this.#still = null;
    this.#sharp = this.#warmed = false;
  }

  /** `shown`: an element that plays the camera. */
  setTrack(source, track, shown = this.#shown) {
    this.#tracks[source] = track;
    const put = this.#sender(source)?.replaceTrack(track).catch(() => {});
    if (source === 'camera') {
      this.#shown = shown;
      const still = this.#still;
      this.#still = null;
      put?.then(() => still?.track.stop());
    }
    this.#scale();
  }

  sharpen() {
    if (this.#sharp) return;
    this.#sharp = true;
    this.#scale();
  }

  tell(media) {
    this.#media = media;
    if (this.#channel?.readyState === 'open') this.#channel.send(JSON.stringify(media));
  }

  #sender(source) {
    return this.#transceivers?.[SOURCES.indexOf(source)].sender;
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
}
