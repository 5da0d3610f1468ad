import { Emitter } from './emitter.js';

const KIND = { microphone: 'audio', camera: 'video' };
const REOPEN_AFTER = 500;

/** What went wrong, in the four ways that need different words. */
const PROBLEMS = {
  NotAllowedError: 'blocked',
  SecurityError: 'blocked',
  NotFoundError: 'missing',
  OverconstrainedError: 'missing',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

// Two cores are too few to send a large picture and to show one.
const WEAK = navigator.hardwareConcurrency <= 2;
const CONSTRAINTS = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: {
    width: { ideal: WEAK ? 640 : 1280 },
    height: { ideal: WEAK ? 480 : 720 },
    frameRate: { ideal: 24, max: 30 },
    facingMode: 'user',
  },
};

/**
 * Open what can be had: both, else the microphone alone, else the camera alone, else nothing.
 *
 * @param {{audio: boolean|object, video: boolean|object}} wanted
 * @returns {Promise<{audio: MediaStreamTrack|null, video: MediaStreamTrack|null,
 *   problem: 'blocked'|'missing'|'busy'|'insecure'|null}>} never rejects
 */
export async function capture({ audio = true, video = true }) {
  if (!navigator.mediaDevices) return { audio: null, video: null, problem: 'insecure' };
  const ladder = audio && video ? [{ audio, video }, { audio }, { video }] : [{ audio, video }];
  let problem = null;
  for (const step of ladder) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(detailed(step));
      const [heard] = stream.getAudioTracks();
      const [seen] = stream.getVideoTracks();
      return { audio: heard ?? null, video: seen ?? null, problem };
    } catch (error) {
      if (problem !== 'blocked') problem = PROBLEMS[error.name] ?? 'missing';
    }
  }
  return { audio: null, video: null, problem };
}

function detailed(step) {
  const whole = {};
  for (const kind of ['audio', 'video']) {
    if (step[kind]) whole[kind] = { ...CONSTRAINTS[kind], ...step[kind] };
  }
  return whole;
}

/**
 * The camera and microphone of this person, whatever becomes of the call.
 *
 * `wanted` is what the person asked for, `tracks` what there is, `problem` why they differ. Events:
 * `track` {source, track} at each exchange, null when there is none; `changed` after anything a
 * page shows has changed.
 */
export class Devices extends Emitter {
  tracks = { microphone: null, camera: null };
  problem = null;
  #chosen = { microphone: {}, camera: {} };
  #pending = new Set();
  #chain = Promise.resolve();
  #stopped = false;

  /** @param {{microphone: boolean, camera: boolean}} wanted */
  constructor(wanted = { microphone: true, camera: true }) {
    super();
    this.wanted = { ...wanted };
    navigator.mediaDevices?.addEventListener('devicechange', () => {
      this.say('changed');
      if (this.problem === 'missing') this.retry();
    });
  }

  /** Open everything wanted; a microphone that is muted is opened too, so that unmuting is quick. */
  open() {
    return this.#fill(this.wanted.camera ? ['microphone', 'camera'] : ['microphone']);
  }

  /** Whether others can see or hear, or soon will. */
  isOn(source) {
    return this.wanted[source] && Boolean(this.tracks[source] || this.#pending.has(source));
  }

  /** Turn on or off. The microphone is only muted; the camera is let go, and its light with it. */
  toggle(source) {
    const on = !this.isOn(source);
    this.wanted[source] = on;
    const track = this.tracks[source];
    if (source === 'microphone' && track) track.enabled = on;
    else if (on) return this.#fill([source]);
    else this.#put(source, null);
    this.#judge(this.problem);
    return Promise.resolve();
  }

  /** Use another device. */
  async choose(source, id) {
    this.#chosen[source] = { deviceId: { exact: id } };
    if (!this.wanted[source]) return;
    // Many phones cannot hold two cameras open.
    this.tracks[source]?.stop();
    await this.#fill([source]);
    if (this.tracks[source]) return;
    this.#chosen[source] = {};
    await this.#fill([source]);
  }

  /** Try again to get what is wanted and not there. */
  retry() {
    return this.#fill(Object.keys(KIND).filter((source) => this.#lacks(source)));
  }

  /** After a telephone call or a while in the background some phones give back dead tracks. */
  revive() {
    const dead = Object.keys(KIND).filter((source) => {
      const track = this.tracks[source];
      return track && (track.muted || track.readyState === 'ended');
    });
    return this.#fill(dead);
  }

  /** All cameras, microphones and speakers, with the one in use marked. */
  async choices() {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const sources = { audioinput: 'microphone', videoinput: 'camera', audiooutput: 'speaker' };
    return all
      .filter(({ deviceId }) => deviceId)
      .map(({ kind, deviceId, label }) => {
        const source = sources[kind];
        const used = this.tracks[source]?.getSettings().deviceId;
        return { source, id: deviceId, label, used: deviceId === used };
      });
  }

  /** Let go of everything, for good. */
  stop() {
    this.#stopped = true;
    for (const source of Object.keys(KIND)) this.#put(source, null);
  }

  #lacks(source) {
    return this.wanted[source] && !this.tracks[source];
  }

  #fill(sources) {
    if (!sources.length) return Promise.resolve();
    for (const source of sources) this.#pending.add(source);
    this.say('changed');
    this.#chain = this.#chain.then(() => this.#capture(sources));
    return this.#chain;
  }

  async #capture(sources) {
    const ask = (source) => sources.includes(source) && this.#chosen[source];
    const got = await capture({ audio: ask('microphone'), video: ask('camera') });
    for (const source of sources) {
      this.#pending.delete(source);
      this.#put(source, got[KIND[source]]);
    }
    this.#judge(got.problem ?? this.problem);
  }

  #put(source, track) {
    const old = this.tracks[source];
    if (old && old !== track) old.stop();
    // The mind may have changed while the browser asked for permission.
    if (this.#stopped || (source === 'camera' && !this.wanted.camera)) {
      track?.stop();
      track = null;
    }
    if (track) {
      if (source === 'microphone') track.enabled = this.wanted.microphone;
      track.onended = () => this.#ended(source, track);
    }
    if (track === old) return;
    this.tracks[source] = track;
    this.say('track', { source, track });
  }

  #judge(problem) {
    const lacking = Object.keys(KIND).some((source) => this.#lacks(source));
    this.problem = lacking ? problem : null;
    this.say('changed');
  }

  /** Pulled out, or taken away by the system. */
  #ended(source, track) {
    if (this.tracks[source] !== track) return;
    this.#put(source, null);
    this.#chosen[source] = {};
    this.say('changed');
    setTimeout(() => this.#lacks(source) && this.#fill([source]), REOPEN_AFTER);
  }
}
