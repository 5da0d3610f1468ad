import { Emitter } from './emitter.js';

const KIND = { microphone: 'audio', camera: 'video' };
const REOPEN_AFTER = 500;

/** What went wrong, in the ways that need different words; `insecure`: the page is not on https. */
const PROBLEMS = {
  NotAllowedError: 'blocked',
  SecurityError: 'blocked',
  NotReadableError: 'busy',
  AbortError: 'busy',
};

// Two cores are too few to send a large picture and to show one; on a telephone nobody sees the difference.
const small = navigator.hardwareConcurrency <= 2 || matchMedia('(pointer: coarse)').matches;
const CONSTRAINTS = {
  audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  video: {
    width: { ideal: small ? 640 : 1280 },
    height: { ideal: small ? 480 : 720 },
    frameRate: { ideal: 24, max: 30 },
    facingMode: 'user',
  },
};

/**
 * Open what can be had: both, else the microphone, else the camera, else nothing. `wanted`: {audio,
 * video}, each a set of constraints or false. Gives {audio, video, problem}: tracks or null, and
 * blocked, busy, missing, insecure or null. Never rejects.
 */
export async function capture({ audio, video }) {
  const ladder = audio && video ? [{ audio, video }, { audio }, { video }] : [{ audio, video }];
  let problem = null;
  for (const step of ladder) {
    const wanted = {};
    for (const kind in step) {
      if (step[kind]) wanted[kind] = { ...CONSTRAINTS[kind], ...step[kind] };
    }
    try {
      const tracks = (await navigator.mediaDevices.getUserMedia(wanted)).getTracks();
      const found = (kind) => tracks.find((track) => track.kind === kind) ?? null;
      return { audio: found('audio'), video: found('video'), problem };
    } catch ({ name }) {
      if (problem !== 'blocked') problem = PROBLEMS[name] ?? 'missing';
    }
  }
  return { audio: null, video: null, problem: navigator.mediaDevices ? problem : 'insecure' };
}

/**
 * This person's camera and microphone. `wanted` is what they asked for, `tracks` what there is,
 * `problem` why they differ. Events: `track` {source, track|null} at each exchange; `changed` after
 * anything a page shows has changed.
 */
export class Devices extends Emitter {
  tracks = { microphone: null, camera: null };
  problem = null;
  #chosen = { microphone: {}, camera: {} };
  #pending = new Set();
  #chain = Promise.resolve();
  #stopped = false;

  constructor(wanted = { microphone: true, camera: true }) {
    super();
    this.wanted = { ...wanted };
    navigator.mediaDevices?.addEventListener('devicechange', () => {
      this.say('changed');
      if (this.problem === 'missing') this.retry();
    });
  }

  /** Open everything wanted; the microphone in any case, so that unmuting is quick. */
  open() {
    return this.#fill(this.wanted.camera ? ['microphone', 'camera'] : ['microphone']);
  }

  /** Whether others can hear or see, or soon will. */
  isOn(source) {
    return this.wanted[source] && Boolean(this.tracks[source] || this.#pending.has(source));
  }

  /** The microphone is only muted; the camera is let go, and its light with it. */
  async toggle(source) {
    const on = !this.isOn(source);
    const track = this.tracks[source];
    this.wanted[source] = on;
    if (source === 'microphone' && track) track.enabled = on;
    else if (on) await this.#fill([source]);
    else this.#put(source, null);
    this.#judge(this.problem);
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
    return this.#fill(this.#which((source) => this.#lacks(source)));
  }

  /** After a telephone call or a while in the background some phones give back dead tracks. */
  revive() {
    const dead = (track) => track && (track.muted || track.readyState === 'ended');
    return this.#fill(this.#which((source) => dead(this.tracks[source])));
  }

  /** Cameras, microphones and speakers: [{kind, id, label, used}]. */
  async choices() {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const used = Object.values(this.tracks).map((track) => track?.getSettings().deviceId);
    return all
      .filter(({ deviceId }) => deviceId)
      .map(({ kind, deviceId: id, label }) => ({ kind, id, label, used: used.includes(id) }));
  }

  /** Let go of everything, for good. */
  stop() {
    this.#stopped = true;
    for (const source in KIND) this.#put(source, null);
  }

  #which(fits) {
    return Object.keys(KIND).filter(fits);
  }

  #lacks(source) {
    return this.wanted[source] && !this.tracks[source];
  }

  #fill(sources) {
    if (!sources.length) return undefined;
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

  #put(source, given) {
    const old = this.tracks[source];
    // The mind may have changed while the browser asked for permission.
    const unwanted = this.#stopped || (source === 'camera' && !this.wanted.camera);
    const track = unwanted ? null : given;
    for (const other of [old, given]) if (other !== track) other?.stop();
    if (track === old) return;
    if (track) {
      if (source === 'microphone') track.enabled = this.wanted.microphone;
      track.onended = () => this.#ended(source, track);
    }
    this.tracks[source] = track;
    this.say('track', { source, track });
  }

  #judge(problem) {
    this.problem = this.#which((source) => this.#lacks(source)).length ? problem : null;
    this.say('changed');
  }

  /** Pulled out, or taken away by the system. */
  #ended(source, track) {
    if (this.tracks[source] !== track) return;
    this.#put(source, null);
    this.#chosen[source] = {};
    this.say('changed');
    setTimeout(() => this.retry(), REOPEN_AFTER);
  }
}
