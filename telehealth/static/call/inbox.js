import { checked, delay, pause } from './http.js';

const FIRST_BYTE = 8000;
const SILENCE = 40000;
const SHORT_LIFE = 5000;
const FAILURES_BEFORE_POLLING = 3;
const POLL_PAUSE = 1000;
const POLLS_BEFORE_STREAMING = 30;
const POLLS_BETWEEN_CHANGES = 4;

/**
 * What the server has for this page, in order and each thing once.
 *
 * A stream (text/event-stream read by fetch, since an EventSource shows neither the status of a
 * refusal nor the heartbeat); where streams do not get through, polling. Goes on for ever.
 */
export class Inbox {
  #url;
  #deliver;
  #refused;
  #cursor = 0;
  #open = false;
  #abort = new AbortController();
  #kicked = false;

  /** `deliver(type, data)` for each event, `refused(refusal)` once if the server says no for good. */
  constructor(url, deliver, refused) {
    this.#url = url;
    this.#deliver = deliver;
    this.#refused = refused;
  }

  open(cursor) {
    if (this.#open) return;
    this.#open = true;
    this.#cursor = cursor;
    this.#follow();
  }

  close() {
    this.#open = false;
    this.#abort.abort();
  }

  /** Look again now: the network was away, and the stream may be dead without knowing. */
  kick() {
    this.#kicked = true;
    this.#abort.abort();
  }

  async #follow() {
    let failures = 0;
    let tries = 0;
    let polls = 0;
    while (this.#open) {
      const polling = failures >= FAILURES_BEFORE_POLLING;
      const began = performance.now();
      let away = false;
      try {
        await (polling ? this.#poll() : this.#stream());
        tries = 0;
      } catch (error) {
        if (!this.#open) return;
        if (error.final) this.#refused(error);
        if (!this.#open) return;
        // A network that is away says nothing about whether streams get through.
        away = error instanceof TypeError || this.#kicked;
      }
      const lived = performance.now() - began;
      if (polling) {
        polls += 1;
        if (polls % POLLS_BETWEEN_CHANGES === 0) this.#deliver('changed', {});
        if (polls % POLLS_BEFORE_STREAMING === 0) failures = 0;
        await pause(POLL_PAUSE);
        continue;
      }
      if (lived > SHORT_LIFE) failures = tries = 0;
      else if (!away) failures += 1;
      if (!this.#kicked) await pause(delay(tries));
      tries += 1;
      this.#kicked = false;
    }
  }

  async #stream() {
    this.#abort = new AbortController();
    let watch = setTimeout(() => this.#abort.abort(), FIRST_BYTE);
    try {
      const answer = await checked(await this.#ask('text/event-stream', ''));
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ''; ; ) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watch);
        watch = setTimeout(() => this.#abort.abort(), SILENCE);
        const blocks = (text + value).split('\n\n');
        text = blocks.pop();
        for (const block of blocks) this.#read(block);
      }
    } finally {
      clearTimeout(watch);
    }
  }

  async #poll() {
    this.#abort = new AbortController();
    const watch = setTimeout(() => this.#abort.abort(), FIRST_BYTE);
    try {
      const answer = await checked(await this.#ask('application/json', '&poll=1'));
      for (const { seq, type, data } of (await answer.json()).events) this.#take(type, data, seq);
    } finally {
      clearTimeout(watch);
    }
  }

  #ask(kind, more) {
    return fetch(`${this.#url}&after=${this.#cursor}${more}`, {
      headers: { Accept: kind },
      cache: 'no-store',
      redirect: 'manual',
      signal: this.#abort.signal,
    });
  }

  #read(block) {
    const fields = {};
    for (const line of block.split('\n')) {
      const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
      if (name) fields[name] = name in fields ? `${fields[name]}\n${value}` : value;
    }
    if (fields.event) this.#take(fields.event, JSON.parse(fields.data || '{}'), fields.id);
  }

  #take(type, data, seq) {
    if (!this.#open) return;
    if (seq !== undefined) {
      if (Number(seq) <= this.#cursor) return;
      this.#cursor = Number(seq);
    }
    this.#deliver(type, data);
  }
}
