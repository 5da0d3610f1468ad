/** The pictures and voices of the others, a tile each. */
export class People {
  #place;
  #first;
  #silenced;
  #tiles = new Map();
  #speaker = '';

  /** `place` holds the first tile and a template; `silenced()`: the browser plays no sound unasked. */
  constructor(place, silenced) {
    this.#place = place;
    this.#first = place.querySelector('.person');
    this.#silenced = silenced;
  }

  /** Show a participant of a room (room.js) as they are now. */
  show({ id, name, state, media, tracks }) {
    const tile = this.#tiles.get(id) ?? this.#claim(id, name);
    const off = media && !media.cam && !media.screen;
    tile.dataset.state = state;
    tile.toggleAttribute('data-camera-off', Boolean(off));
    tile.querySelector('.person-off').hidden = !off || state !== 'connected';
    const silent = media?.mic === false;
    tile.querySelector('.person-muted').hidden = !silent;
    for (const words of tile.querySelectorAll('[data-mic]')) words.hidden = (words.dataset.mic === 'off') !== silent;
    // A picture that never comes would hold the voice back, so it is left out while it is off.
    const picture = media?.screen ? tracks.screen : tracks.camera;
    const wanted = [tracks.microphone, !off && picture].filter(Boolean);
    const video = tile.querySelector('video');
    const stream = (video.srcObject ??= new MediaStream());
    const playing = stream.getTracks();
    const stale = playing.filter((track) => !wanted.includes(track));
    const fresh = wanted.filter((track) => !playing.includes(track));
    stale.forEach((track) => stream.removeTrack(track));
    fresh.forEach((track) => stream.addTrack(track));
    if (stale.length || fresh.length) this.#play(video);
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
    for (const id of this.#tiles.keys()) this.remove({ id });
  }

  /** Let everything be heard; from a press of a button. */
  unmute() {
    this.#each((video) => (video.muted = false));
    this.resume();
  }

  /** Play on after the page was in the background. */
  resume() {
    this.#each((video) => this.#play(video));
  }

  useSpeaker(id) {
    this.#speaker = id;
    this.#each((video) => this.#route(video));
  }

  #each(act) {
    for (const tile of this.#tiles.values()) act(tile.querySelector('video'));
  }

  #claim(id, name) {
    let tile = this.#first;
    if ([...this.#tiles.values()].includes(tile)) {
      const { content } = this.#place.querySelector('template');
      tile = content.firstElementChild.cloneNode(true);
      this.#place.append(tile);
    }
    this.#tiles.set(id, tile);
    for (const place of tile.querySelectorAll('[data-name]')) place.textContent = name;
    tile.querySelector('.avatar').textContent = initials(name);
    tile.hidden = false;
    this.#route(tile.querySelector('video'));
    return tile;
  }

  #route(video) {
    if (this.#speaker) video.setSinkId(this.#speaker).catch(() => {});
  }

  async #play(video) {
    try {
      await video.play();
    } catch ({ name }) {
      if (name !== 'NotAllowedError' || video.muted) return;
      video.muted = true;
      this.#silenced();
      this.#play(video);
    }
  }
}

/** "Dr. A. Example" → "AE": without titles, the first and the last of the rest. */
export function initials(name) {
  const words = name.split(/\s+/).filter((word) => word && !/^.{2,}\.$/u.test(word));
  const ends = words.length > 1 ? [words[0], words.at(-1)] : words;
  return ends.map((word) => [...word][0].toLocaleUpperCase()).join('');
}
