/** What the page shows. It holds no words: those are in the page, in its language. */
export class View {
  /** When the wait began, in milliseconds. */
  waiting = null;
  #root;
  #shown = '';
  #begun = null;

  /** @param {HTMLElement} root carries `data-call-state` */
  constructor(root) {
    this.#root = root;
    setInterval(() => this.#tick(), 1000);
  }

  /** Show the state, and each part that has one of the `tokens` in its `data-show`. */
  render(state, tokens) {
    const now = [state, ...tokens.filter(Boolean)];
    const shown = now.join(' ');
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#root.dataset.callState = state;
    const status = this.#find('#connection-status');
    status.querySelector('span').textContent = status.dataset[state];
    status.dataset.tone = { connected: 'live', reconnecting: 'bad', disconnected: 'off' }[state] ?? 'wait';
    for (const part of this.#root.querySelectorAll('[data-show]')) {
      const shows = part.dataset.show.split(' ').some((token) => now.includes(token));
      // The icons are SVG and know no `hidden` property.
      part.toggleAttribute('hidden', !shows);
    }
  }

  /** Read out; `name` takes the place of {name} in the words. */
  announce(key, name = '') {
    const announcer = document.querySelector('#announcer');
    announcer.textContent = announcer.dataset[key].replace('{name}', name);
  }

  /** How the toggle of a device stands. */
  toggle(source, on) {
    const button = this.#find(`[data-toggle="${source}"]`);
    button.setAttribute('aria-pressed', on);
    button.toggleAttribute('data-off', !on);
    button.querySelector('[data-on]').hidden = !on;
    button.querySelector('[data-not]').hidden = on;
  }

  /** The element that plays the own picture. */
  get self() {
    return this.#find('[data-participant="local"]');
  }

  /** The own picture, or null. */
  preview(track) {
    const video = this.self;
    video.srcObject = track && new MediaStream([track]);
    video.hidden = !track;
  }

  /** From the waiting room into the call, on the same page. */
  enterStage() {
    const stage = this.#find('#call-stage');
    if (!stage.hidden) return;
    stage.querySelector('.local-video').prepend(this.self);
    this.#find('#waiting-room').remove();
    document.documentElement.classList.remove('for-patients');
    document.title = this.#root.dataset.callTitle;
    stage.hidden = false;
    stage.querySelector('h1').focus();
  }

  /** Run the call's clock from `seconds`; null stops it. */
  runClock(seconds) {
    this.#begun = seconds === null ? null : performance.now() - seconds * 1000;
    this.#tick();
  }

  /** How long the call was. */
  setDuration(seconds) {
    if (seconds === null) return;
    const place = this.#find('[data-duration]');
    place.textContent = seconds < 60 ? inUnits(seconds, 'second') : inUnits(seconds / 60, 'minute');
    place.parentElement.hidden = false;
  }

  #find(selector) {
    return this.#root.querySelector(selector);
  }

  #tick() {
    const waited = this.#find('[data-waited]');
    if (waited && this.waiting) {
      const minutes = Math.floor((Date.now() - this.waiting) / 60000);
      waited.textContent = inUnits(minutes, 'minute');
      waited.parentElement.hidden = minutes < 1;
    }
    const clock = this.#find('#call-clock');
    clock.hidden = this.#begun === null;
    const whole = Math.max(0, Math.floor((performance.now() - this.#begun) / 1000));
    const [hours, minutes, seconds] = [whole / 3600, (whole / 60) % 60, whole % 60].map(Math.floor);
    const padded = (parts) => parts.map((part, at) => String(part).padStart(at ? 2 : 1, '0'));
    clock.textContent = padded(hours ? [hours, minutes, seconds] : [minutes, seconds]).join(':');
    clock.dateTime = `PT${hours}H${minutes}M${seconds}S`;
  }
}

/** The tokens of what a page shows in this state, by the facts that it knows and its devices. */
export function shown(state, facts, { problem, tracks, wanted }) {
  const { over, recording = [] } = facts;
  if (over) return [`over-${over}`, ...recording];
  const early = state === 'waiting' || state === 'connecting';
  const silent = problem && early && !tracks.microphone && !facts.dismissed;
  const panel = silent ? problem : (state !== 'connected' && facts.trouble) || state;
  const lacking = tracks.microphone ? 'camera' : tracks.camera ? 'microphone' : 'both';
  return [
    facts.told ? 'told' : 'telling',
    'running',
    `panel-${panel}`,
    problem && `problem-${problem}`,
    problem && panel !== problem && `lacks-${lacking}`,
    tracks.microphone && !wanted.microphone && 'muted',
    facts.poor && state === 'connected' && 'poor',
    facts.silenced && state === 'connected' && 'silenced',
    facts.signedOut && 'signed-out',
    facts.endFailed && 'end-failed',
    ...recording,
  ];
}

/** "14 minutes", in the language of the page. */
function inUnits(count, unit) {
  const { lang } = document.documentElement;
  const style = { style: 'unit', unit, unitDisplay: 'long' };
  return new Intl.NumberFormat(lang, style).format(Math.round(count));
}
