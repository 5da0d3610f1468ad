/** What the page shows. It holds no words: those are in the page, in its language. */
export class View {
  #root;
  #shown = '';
  #said = '';
  #clock = null;
  #unit;

  /** @param {HTMLElement} root carries `data-call-state` */
  constructor(root) {
    this.#root = root;
    const language = document.documentElement.lang || undefined;
    this.#unit = (unit, count, unitDisplay = 'long') =>
      new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay }).format(count);
    setInterval(() => this.#tick(), 1000);
  }

  /**
   * Show the state, and each part of the page that has one of the `tokens` in its `data-show`.
   *
   * @param {'waiting'|'connecting'|'connected'|'reconnecting'|'disconnected'} state
   * @param {Array<string|false|null>} tokens
   */
  render(state, tokens) {
    const now = new Set([state, ...tokens.filter(Boolean)]);
    const shown = [...now].join(' ');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#root.dataset.callState = state;
    const status = this.#find('#connection-status');
    status.querySelector('span').textContent = status.dataset[state];
    status.dataset.tone = { connected: 'live', reconnecting: 'bad' }[state] ?? 'wait';
    for (const part of this.#root.querySelectorAll('[data-show]')) {
      // The icons are SVG and know no `hidden` property.
      const has = part.dataset.show.split(' ').some((token) => now.has(token));
      part.toggleAttribute('hidden', !has);
    }
  }

  /** Read out once what is new; `name` takes the place of {name} in the words. */
  announce(key, name = '') {
    if (this.#said === key + name) return;
    this.#said = key + name;
    const announcer = document.querySelector('#announcer');
    announcer.textContent = (announcer.dataset[key] ?? '').replace('{name}', name);
  }

  /** How a toggle stands. */
  toggle(source, on) {
    const button = this.#find(`[data-toggle="${source}"]`);
    button.setAttribute('aria-pressed', String(on));
    button.toggleAttribute('data-off', !on);
    button.querySelector('[data-on]').toggleAttribute('hidden', !on);
    button.querySelector('[data-not]').toggleAttribute('hidden', on);
  }

  /** The own picture; null for none. */
  preview(track) {
    const video = this.#find('[data-participant="local"]');
    video.srcObject = track ? new MediaStream([track]) : null;
    video.hidden = !track;
    if (track) video.play().catch(() => {});
  }

  /** From the waiting room into the call, on the same page. */
  enterStage() {
    const stage = this.#find('#call-stage');
    if (!stage.hidden) return;
    const video = this.#find('[data-participant="local"]');
    stage.querySelector('.local-video').prepend(video);
    if (video.srcObject) video.play().catch(() => {});
    document.documentElement.classList.remove('for-patients');
    document.querySelector('#waiting-room')?.remove();
    stage.hidden = false;
    stage.querySelector('h1').focus();
    document.title = this.#root.dataset.callTitle;
  }

  /** The call's clock runs from `seconds` at the moment `at`; null stops it. */
  runClock(seconds, at) {
    this.#clock = seconds === null ? null : { from: at - seconds * 1000 };
    this.#tick();
  }

  /** How long the call was, in words. */
  setDuration(seconds) {
    const place = this.#find('[data-duration]');
    place.closest('p').hidden = seconds === null;
    if (seconds === null) return;
    const short = seconds < 60;
    const count = short ? Math.round(seconds) : Math.round(seconds / 60);
    place.textContent = this.#unit(short ? 'second' : 'minute', count);
  }

  /** When the wait began. */
  waitFrom(date) {
    this.waiting = date;
    this.#tick();
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #tick() {
    const waited = this.#find('[data-waited]');
    if (waited && this.waiting) {
      const minutes = Math.max(0, Math.floor((Date.now() - this.waiting) / 60000));
      waited.textContent = this.#unit('minute', minutes);
      waited.parentElement.hidden = minutes < 1;
    }
    const clock = this.#find('#call-clock');
    clock.hidden = !this.#clock;
    if (!this.#clock) return;
    const seconds = Math.max(0, Math.floor((performance.now() - this.#clock.from) / 1000));
    const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
    const [hours, minutes, rest] = parts;
    if (!hours) parts.shift();
    const padded = parts.map((part, index) => String(part).padStart(index ? 2 : 1, '0'));
    clock.textContent = padded.join(':');
    clock.dateTime = `PT${hours}H${minutes}M${rest}S`;
  }
}
