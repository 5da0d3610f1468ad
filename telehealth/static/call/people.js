/** The pictures and voices of the others, one tile each. */
export class People {
  #place;
  #first;
  #template;
  #silenced;
  #tiles = new Map();
  #speaker = '';

  /**
   * @param {HTMLElement} place holds the first tile and the template of the others
   * @param {() => void} silenced called when the browser will not play sound without being asked
   */
  constructor(place, silenced) {
    this.#place = place;
    this.#first = place.querySelector('.person');
    this.#template = place.querySelector('template');
    this.#silenced = silenced;
  }

  /** Show somebody as they are now. */
  show(participant) {
    let tile = this.#tiles.get(participant.id);
    if (!tile) {
      tile = this.#claim();
      this.#tiles.set(participant.id, tile);
      for (const name of tile.querySelectorAll('[data-name]')) name.textContent = participant.name;
      tile.querySelector('.avatar').textContent = initials(participant.name);
      tile.hidden = false;
    }
    const { media, tracks, state } = participant;
    const off = media && !media.cam && !media.screen;
    tile.dataset.state = state;
    tile.toggleAttribute('data-camera-off', Boolean(off));
    tile.querySelector('.person-off').hidden = !off || state !== 'connected';
    tile.querySelector('.person-muted').hidden = media?.mic !== false;
    // A picture that never comes must not hold the voice back, so it is left out when it is off.
    const picture = off ? null : media?.screen ? tracks.screen : tracks.camera;
    this.#play(tile.querySelector('video'), [tracks.microphone, picture].filter(Boolean));
  }

  remove({ id }) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    this.#tiles.delete(id);
    tile.querySelector('video').srcObject = null;
    if (tile === this.#first) tile.hidden = true;
    else tile.remove();
  }

  clear() {
    for (const id of [...this.#tiles.keys()]) this.remove({ id });
  }

  /** Let everything be heard; call it from a press of a button. */
  unmute() {
    for (const video of this.#videos()) {
      video.muted = false;
      this.#start(video);
    }
  }

  /** Play on after the page was in the background. */
  resume() {
    for (const video of this.#videos()) this.#start(video);
  }

  useSpeaker(id) {
    this.#speaker = id;
    for (const video of this.#videos()) video.setSinkId?.(id).catch(() => {});
  }

  #videos() {
    return [...this.#tiles.values()].map((tile) => tile.querySelector('video'));
  }

  #claim() {
    if (![...this.#tiles.values()].includes(this.#first)) return this.#first;
    const tile = this.#template.content.firstElementChild.cloneNode(true);
    this.#place.append(tile);
    return tile;
  }

  #play(video, tracks) {
    const stream = video.srcObject ?? new MediaStream();
    const stale = stream.getTracks().filter((track) => !tracks.includes(track));
    const fresh = tracks.filter((track) => !stream.getTracks().includes(track));
    for (const track of stale) stream.removeTrack(track);
    for (const track of fresh) stream.addTrack(track);
    if (video.srcObject) {
      if (stale.length || fresh.length) this.#start(video);
      return;
    }
    video.srcObject = stream;
    if (this.#speaker) video.setSinkId?.(this.#speaker).catch(() => {});
    this.#start(video);
  }

  async #start(video) {
    try {
      await video.play();
    } catch (error) {
      if (error.name !== 'NotAllowedError' || video.muted) return;
      video.muted = true;
      this.#silenced();
      video.play().catch(() => {});
    }
  }
}

/** "Dr. A. Example" → "AE": titles are dropped, the first and the last of the rest are kept. */
export function initials(name) {
  const words = name.split(/\s+/).filter((word) => word && !/^.{2,}\.$/u.test(word));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0].toLocaleUpperCase()).join('');
}
