import { checked, delay, pause } from './http.js';

const FIRST_BYTE = 8000;
const SILENCE = 40000;
const SHORT_LIFE = 5000;
const FAILURES_BEFORE_POLLING = 3;
const POLL_PAUSE = 1000;
const POLLS_BETWEEN_CHANGES = 4;
const POLLS_BEFORE_STREAMING = 30;

/**
 * What the server has for this page, in order and each thing once: a stream, or polling where
 * streams do not get through. By fetch: an EventSource shows neither refusals nor heartbeats.
 */
export class Inbox {
  #url;
  #deliver;
  #refused;
  #cursor = 0;
  #open = false;
  #kicked = false;
  #abort = null;
  /** When the stream at hand was first heard of, else 0. */
  #heard = 0;

  /** `deliver(type, data)` gets each event, `refused(refusal)` the server's no. */
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
    this.#abort?.();
  }

  /** Look again now: the network was away, and a stream does not notice when it is dead. */
  kick() {
    this.#kicked = true;
    this.#abort?.();
  }

  async #follow() {
    let failures = 0;
    let tries = 0;
    let polls = 0;
    while (this.#open) {
      const polling = failures >= FAILURES_BEFORE_POLLING;
      let failed = 1;
      this.#heard = 0;
      try {
        await (polling ? this.#poll() : this.#stream());
        tries = 0;
      } catch (error) {
        if (error.final && this.#open) this.#refused(error);
        // Given up: something on the way holds the stream back, and would the next one too.
        if (error.name === 'AbortError') failed = FAILURES_BEFORE_POLLING;
        // A network that is away says nothing about whether streams get through.
        if (!navigator.onLine) failed = 0;
      }
      if (!this.#open) return;
      if (polling) {
        polls += 1;
        if (polls % POLLS_BETWEEN_CHANGES === 0) this.#deliver('changed', {});
        if (polls % POLLS_BEFORE_STREAMING === 0) failures = 0;
        await pause(POLL_PAUSE);
      } else {
        if (this.#heard && performance.now() - this.#heard > SHORT_LIFE) failures = tries = 0;
        else failures += failed;
        if (!this.#kicked) await pause(delay(tries));
        tries += 1;
      }
      if (this.#kicked) failures = 0;
      this.#kicked = false;
    }
  }

  #stream() {
    return this.#ask('', async (answer, heard) => {
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = '';
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        heard();
        const blocks = (text + value).split('\n\n');
        text = blocks.pop();
        blocks.forEach((block) => this.#read(block));
      }
    });
  }

  #poll() {
    return this.#ask('&poll=1', async (answer) => {
      for (const { seq, type, data } of (await answer.json()).events) this.#take(type, data, seq);
    });
  }

  /** Ask, and give up when too long nothing is heard. */
  async #ask(more, read) {
    const abort = new AbortController();
    this.#abort = () => abort.abort();
    let watch = setTimeout(this.#abort, FIRST_BYTE);
    const heard = () => {
      this.#heard ||= performance.now();
      clearTimeout(watch);
      watch = setTimeout(this.#abort, SILENCE);
    };
    try {
      const url = `${this.#url}&after=${this.#cursor}${more}`;
      const options = { cache: 'no-store', redirect: 'manual', signal: abort.signal };
      await read(await checked(await fetch(url, options)), heard);
    } finally {
      clearTimeout(watch);
    }
  }

  #read(block) {
    const field = (name) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
    const type = field('event');
    if (type) this.#take(type, JSON.parse(field('data')), field('id'));
  }

  #take(type, data, seq) {
    if (!this.#open || Number(seq) <= this.#cursor) return;
    if (seq !== undefined) this.#cursor = Number(seq);
    this.#deliver(type, data);
  }
}
