import { Emitter } from './emitter.js';
import { Upload } from './pieces.js';

export { recover } from './pieces.js';

const [WIDTH, HEIGHT, FRAMES] = [960, 540, 15];
const PIECE = 1000;
const MOST_BEHIND = 10000;
const OPTIONS = {
  videoBitsPerSecond: 1000000,
  audioBitsPerSecond: 64000,
  // An MP4 comes out from one whole picture to the next: without this, seconds late.
  videoKeyFrameIntervalDuration: 2 * PIECE,
};

/** Best first: an MP4 knows how long it is. */
const TYPES = [
  'video/mp4;codecs=avc1.42E01F,mp4a.40.2',
  'video/mp4;codecs=avc1.42E01F,opus',
  'video/mp4;codecs=vp9,opus',
  'video/webm;codecs=vp8,opus',
  'video/webm',
];

function freshId() {
  const bytes = crypto.getRandomValues(new Uint8Array(10));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * Records a call in this browser: all pictures on one canvas, all voices mixed, sent as it goes.
 * While nobody else is connected, or the server cannot be reached, it stands still: whoever is told
 * that nothing is recorded may rely on it.
 *
 * Events: `changed`, of `state` (waiting, recording, paused, over) or `trouble` (press: the browser
 * wants a press first; unsent, or ''); `trouble` unsupported | refused, for good.
 */
export class Recorder extends Emitter {
  state = 'waiting';
  trouble = '';
  #room;
  #own;
  #upload;
  #recorder = null;
  #beginning = false;
  #timer;
  #picture = new Picture();
  #voices = null;
  #seconds = 0;
  #since = null;
  #close = () => this.#recorder && this.#upload.close();

  /** `room`: room.js; `tracks`: the own ones by source. `url`: of the call. */
  constructor({ url, csrf, room, tracks }) {
    super();
    this.#room = room;
    this.#own = tracks;
    this.#upload = new Upload({ id: freshId(), url, csrf });
  }

  start() {
    const type = TYPES.find((one) => globalThis.MediaRecorder?.isTypeSupported(one));
    if (!type || !globalThis.AudioContext) {
      this.say('trouble', 'unsupported');
      return;
    }
    this.#voices = new Voices();
    this.#timer = setInterval(() => this.#tick(type), 1000 / FRAMES);
    addEventListener('pagehide', this.#close);
  }

  /** No more of it; resolves when the server has all there is. */
  async stop() {
    clearInterval(this.#timer);
    removeEventListener('pagehide', this.#close);
    const recorder = this.#recorder;
    const begun = recorder !== null;
    if (begun && recorder.state !== 'inactive') {
      const stopped = new Promise((resolve) => (recorder.onstop = resolve));
      recorder.stop();
      await stopped;
    }
    this.#become('over');
    this.#picture.clear();
    this.#voices?.close();
    if (begun) await this.#upload.finish();
  }

  #tick(type) {
    const others = [...this.#room.participants.values()].filter(({ state }) => state === 'connected');
    const silent = this.#voices.mix([...others.map(({ tracks }) => tracks.microphone), this.#own.microphone]);
    const pictures = others.map(({ tracks, media }) => {
      if (media?.screen) return tracks.screen;
      return media?.cam === false ? null : tracks.camera;
    });
    if (this.#upload.refusal) {
      this.say('trouble', 'refused');
      return;
    }
    const unsent = this.#upload.behind > MOST_BEHIND;
    this.#tell(unsent ? 'unsent' : silent ? 'press' : '');
    const live = others.length > 0 && !unsent && !silent;
    if (live) this.#picture.draw(pictures, this.#own.camera);
    if (!this.#recorder) {
      if (live) this.#begin(type);
    } else if (live && this.#recorder.state === 'paused') {
      this.#recorder.resume();
    } else if (!live && this.#recorder.state === 'recording') {
      this.#recorder.pause();
    }
  }

  async #begin(type) {
    if (this.#beginning) return;
    this.#beginning = true;
    try {
      await this.#upload.begin(type.split(';')[0], () => this.state !== 'over');
    } catch {
      this.say('trouble', 'refused');
      return;
    }
    if (this.state === 'over') {
      this.#upload.finish();
      return;
    }
    const stream = new MediaStream([this.#picture.track, this.#voices.track]);
    const recorder = new MediaRecorder(stream, { mimeType: type, ...OPTIONS });
    recorder.onstart = recorder.onresume = () => this.#count('recording');
    recorder.onpause = () => this.#count('paused');
    recorder.onerror = () => this.say('trouble', 'unsupported');
    recorder.ondataavailable = ({ data }) => {
      if (data.size) this.#upload.add(data, this.#length);
    };
    this.#recorder = recorder;
    recorder.start(PIECE);
  }

  get #length() {
    return this.#seconds + (this.#since === null ? 0 : (performance.now() - this.#since) / 1000);
  }

  #count(state) {
    this.#seconds = this.#length;
    this.#since = state === 'recording' ? performance.now() : null;
    this.#become(state);
  }

  #become(state) {
    if (this.state === state || this.state === 'over') return;
    this.state = state;
    this.say('changed');
  }

  #tell(trouble) {
    if (this.trouble === trouble) return;
    this.trouble = trouble;
    this.say('changed');
  }
}

/** All voices in one track; who comes and goes is connected and let go. */
class Voices {
  #context = new AudioContext();
  #mixed = this.#context.createMediaStreamDestination();
  #nodes = new Map();
  #wake = () => this.#context.resume();

  constructor() {
    for (const press of ['pointerdown', 'keydown']) document.addEventListener(press, this.#wake);
    this.#wake();
  }

  get track() {
    return this.#mixed.stream.getAudioTracks()[0];
  }

  /** Mix these from now on; whether the browser still keeps all of it silent. */
  mix(given) {
    const tracks = given.filter((track) => track?.readyState === 'live');
    for (const [track, node] of this.#nodes) {
      if (tracks.includes(track)) continue;
      node.disconnect();
      this.#nodes.delete(track);
    }
    for (const track of tracks) {
      if (this.#nodes.has(track)) continue;
      const node = this.#context.createMediaStreamSource(new MediaStream([track]));
      node.connect(this.#mixed);
      this.#nodes.set(track, node);
    }
    return this.#context.state !== 'running';
  }

  close() {
    for (const press of ['pointerdown', 'keydown']) document.removeEventListener(press, this.#wake);
    this.#context.close();
  }
}

/** All pictures in one: the others side by side, the own one in a corner. */
class Picture {
  #canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  #brush = this.#canvas.getContext('2d', { alpha: false });
  #videos = new Map();
  #track = null;

  get track() {
    this.#track ??= this.#canvas.captureStream(FRAMES).getVideoTracks()[0];
    return this.#track;
  }

  /** `others`: a track or null each; `own`: a track or null. */
  draw(others, own) {
    const tracks = [...others, own].filter(Boolean);
    for (const [track, video] of this.#videos) {
      if (tracks.includes(track)) continue;
      video.srcObject = null;
      this.#videos.delete(track);
    }
    this.#brush.fillStyle = '#0b1211';
    this.#brush.fillRect(0, 0, WIDTH, HEIGHT);
    const width = WIDTH / Math.max(1, others.length);
    others.forEach((track, index) => this.#put(track, index * width, 0, width, HEIGHT));
    this.#put(own, WIDTH * 0.78, HEIGHT * 0.76, WIDTH * 0.2, HEIGHT * 0.22);
  }

  clear() {
    this.#track?.stop();
    this.draw([], null);
  }

  /** As large as it fits, in the middle. */
  #put(track, x, y, width, height) {
    const video = track && this.#video(track);
    if (!video?.videoWidth) return;
    const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
    const [w, h] = [video.videoWidth * scale, video.videoHeight * scale];
    this.#brush.drawImage(video, x + (width - w) / 2, y + (height - h) / 2, w, h);
  }

  #video(track) {
    let video = this.#videos.get(track);
    if (!video) {
      video = Object.assign(document.createElement('video'), { muted: true, playsInline: true });
      video.srcObject = new MediaStream([track]);
      video.play().catch(() => {});
      this.#videos.set(track, video);
    }
    return video;
  }
}
