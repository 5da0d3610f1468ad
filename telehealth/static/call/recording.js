import { insist, post } from './http.js';

/** The server asks the video service before it answers, and asks again. */
const TIME_OUT = 20000;
/** After how long it is said that the recording has not begun. */
const LATE = 6000;

/**
 * What the page shows and does about a recording of the call: the patient's answer, the notice on
 * both sides, and in the doctor's browser the recorder, where the server says that browsers record.
 */
export class Recording {
  #page;
  #standing = { decision: null, running: false, by: '' };
  #room = null;
  #tracks;
  #recorder = null;
  #recovered = null;
  #trouble = '';
  #failing = false;
  #saving = false;
  #announced = false;
  #over = false;
  #wish = null;
  #due = null;
  #late = false;

  /** `page`: {role, url, csrf, line, show(tokens), announce(key)}. */
  constructor(page) {
    this.#page = page;
    page.line.on('presence', ({ recording }) => this.heard(recording));
    document.addEventListener('click', ({ target }) => {
      const answer = target.closest('[data-consent]')?.dataset.consent;
      if (answer) this.#answer(answer === 'yes');
    });
  }

  /** The server says how it stands. */
  heard(standing) {
    if (standing.decision !== this.#standing.decision) this.#trouble = '';
    const withdrawn = this.#standing.decision === 'agreed' && standing.decision === 'declined';
    this.#standing = standing;
    if (withdrawn && this.#recorder) this.#trouble = 'withdrawn';
    if (standing.decision !== 'agreed') this.#stop();
    this.#show();
    this.#record();
  }

  /** The call has begun. `tracks`: the own ones, by source, as they are at each moment. */
  begin(room, tracks) {
    this.#room = room;
    this.#tracks = tracks;
    this.#show();
    this.#record();
  }

  /** The call is over for this page: send what there is. */
  async stop() {
    this.#over = true;
    this.#saving = Boolean(this.#recorder);
    this.#show();
    await this.#stop();
    this.#saving = false;
    this.#show();
  }

  async #record() {
    const { role, url, csrf } = this.#page;
    if (role !== 'doctor' || this.#standing.by !== 'browser' || this.#over) return;
    const module = await import('./recorder.js');
    // What was made before a reload goes first.
    this.#recovered ??= module.recover(csrf);
    await this.#recovered;
    const ready = this.#room && this.#standing.decision === 'agreed' && !this.#over;
    if (!ready || this.#recorder || this.#trouble) return;
    const recorder = new module.Recorder({ url, csrf, room: this.#room, tracks: this.#tracks });
    this.#recorder = recorder;
    recorder.on('changed', () => this.#show());
    recorder.on('trouble', (trouble) => {
      if (this.#recorder !== recorder) return;
      this.#trouble = trouble;
      this.#stop();
      this.#show();
    });
    recorder.start();
  }

  #stop() {
    const recorder = this.#recorder;
    this.#recorder = null;
    return recorder?.stop();
  }

  async #answer(agreed) {
    const { url, csrf } = this.#page;
    this.#wish = agreed;
    const wanted = () => this.#wish === agreed && !this.#over;
    try {
      const { recording } = await insist(async () => {
        try {
          return await post(`${url}/consent`, { agreed }, { csrf, timeout: TIME_OUT });
        } catch (error) {
          this.#failing = wanted();
          this.#show();
          throw error;
        }
      }, wanted);
      if (!wanted()) return;
      this.#failing = false;
      this.heard(recording);
    } catch {
      this.#show();
    }
    // The button that was pressed is gone. What is open above the page hides what lies behind it.
    const decided = [...document.querySelectorAll('[data-decided]')].filter((place) => place.checkVisibility());
    (decided.find((place) => place.closest(':popover-open')) ?? decided[0])?.focus();
  }

  /** Whether a recording is wished for that does not run, for longer than a beginning takes. */
  #watch(missing) {
    if (!missing) {
      clearTimeout(this.#due);
      this.#due = null;
      this.#late = false;
    }
    if (!missing || this.#due) return;
    this.#due = setTimeout(() => {
      this.#late = true;
      this.#show();
    }, LATE);
  }

  #show() {
    const { decision, running, by } = this.#standing;
    const doctor = this.#page.role === 'doctor';
    const on = doctor && by === 'browser' ? this.#recorder?.state === 'recording' : running;
    const trouble = this.#trouble || this.#recorder?.trouble;
    this.#watch(this.#room && decision === 'agreed' && !on && !trouble && !this.#over);
    const mine = [
      `consent-${decision}`,
      decision === 'declined' && running && 'consent-stuck',
      this.#failing && 'consent-failed',
    ];
    const theirs = [
      trouble ? `recorder-${trouble}` : `record-${decision}`,
      decision === 'declined' && running && 'record-stuck',
      this.#late && 'record-late',
    ];
    const live = [on && 'recorded', ...(doctor ? theirs : mine)];
    this.#page.show((this.#over ? [this.#saving && 'recorder-saving'] : live).filter(Boolean));
    if (this.#over || on === this.#announced) return;
    this.#announced = on;
    this.#page.announce(on ? 'recorded' : 'unrecorded');
  }
}
