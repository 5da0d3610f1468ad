import { Emitter } from './emitter.js';
import { delay, insist, post } from './http.js';
import { Inbox } from './inbox.js';

const HEARTBEAT = 10000;
const SOON = 250;
const BATCH = 20;
const BATCH_SIZE = 40000;

/** What only a carrier wants to hear; kept until one listens, so that none is lost at the start. */
const FOR_CARRIERS = ['signal', 'participant-joined', 'participant-left'];

/**
 * One page's line to the server: who is here, and messages from browser to browser.
 *
 * Events: `signal` {from, id, body}; `participant-joined` {id, role, name}; `participant-left`
 * {id, reason}; `changed`: ask how the session stands; `presence` {status, duration_seconds,
 * participants, asked}; `replaced`: a newer page of this person took over; `gone`: this page is not
 * here any more; `signed-out` {yes}. After `replaced` and `gone` the line is closed.
 *
 * A network that is away and a server that restarts cost time, never a message.
 */
export class Line extends Emitter {
  #url;
  #csrf;
  #inbox;
  #open = true;
  #queue = [];
  #sent = 0;
  #sending = false;
  #seen = new Set();
  #held = [];
  #state = null;
  #beating = false;
  #due = Infinity;
  #asked = -Infinity;
  #misses = 0;
  #timer;

  constructor({ url, participant, csrf }) {
    super();
    this.participant = participant;
    this.#url = url;
    this.#csrf = csrf;
    this.#inbox = new Inbox(
      `${url}/inbox?participant=${participant}`,
      (type, data) => this.#deliver(type, data),
      (refusal) => this.#refused(refusal),
    );
  }

  /** Come in with this page's id; asked again until answered. Throws Refusal. */
  enter(token) {
    // The first word about ourselves can wait until the first offer is out.
    this.#asked = performance.now();
    const task = () => this.#post('enter', { token });
    return insist(task, () => this.#open);
  }

  /** Hear what the server has for us from `cursor` on. */
  open(cursor) {
    if (this.#open) this.#inbox.open(cursor);
  }

  /** A carrier listens now. */
  release() {
    const held = this.#held;
    this.#held = null;
    for (const [type, data] of held ?? []) this.say(type, data);
  }

  /** Send a message to a participant: in order, until it has arrived. */
  send(to, body) {
    this.#sent += 1;
    this.#queue.push({ to, id: `${this.participant}-${this.#sent}`, body });
    this.#flush();
  }

  /** Say how we are, now and at every heartbeat: waiting, connecting, connected, reconnecting. */
  report(state) {
    this.#state = state;
    this.ask();
  }

  /** Ask how the session stands: now, or a moment after the last time, for changes come in swarms. */
  ask() {
    if (this.#state) this.#beatIn(Math.max(0, this.#asked + SOON - performance.now()));
  }

  /** The network is back: everything at once, instead of at the next try. */
  hurry() {
    if (!this.#open) return;
    this.#inbox.kick();
    this.ask();
  }

  /** Go; the browser sees to it even while the page closes. */
  async leave() {
    if (!this.#open) return;
    this.close();
    await this.#post('leave', {}, { keepalive: true, timeout: 2000 }).catch(() => {});
  }

  /** How the session stands, for a line that is closed too. Throws Refusal. */
  look() {
    return this.#post('presence', { state: this.#state ?? 'waiting' });
  }

  close() {
    this.#open = false;
    clearTimeout(this.#timer);
    this.#inbox.close();
  }

  #post(what, body, options) {
    const whole = { participant: this.participant, ...body };
    return post(`${this.#url}/${what}`, whole, { csrf: this.#csrf, ...options });
  }

  #deliver(type, data) {
    if (type === 'replaced' || type === 'gone') {
      this.#end(type);
      return;
    }
    if (type === 'signal') {
      if (this.#seen.has(data.id)) return;
      this.#seen.add(data.id);
    }
    if (this.#held && FOR_CARRIERS.includes(type)) this.#held.push([type, data]);
    else this.say(type, data);
  }

  async #flush() {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#open && this.#queue.length) {
      const messages = this.#batch();
      try {
        await insist(() => this.#post('signal', { messages }), () => this.#open);
      } catch (error) {
        this.#refused(error);
      }
      this.#queue.splice(0, messages.length);
    }
    this.#sending = false;
  }

  /** As many as fit into one request; one always does. */
  #batch() {
    let size = 0;
    const fits = (message) => (size += JSON.stringify(message).length) < BATCH_SIZE;
    const count = this.#queue.slice(0, BATCH).findIndex((message) => !fits(message));
    return this.#queue.slice(0, count < 0 ? BATCH : Math.max(1, count));
  }

  /** The next heartbeat comes in so many milliseconds, or earlier if it was to come earlier. */
  #beatIn(milliseconds) {
    const due = performance.now() + milliseconds;
    if (!this.#open || due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#timer);
    if (!this.#beating) this.#timer = setTimeout(() => this.#beat(), milliseconds);
  }

  async #beat() {
    this.#beating = true;
    this.#due = Infinity;
    const asked = (this.#asked = performance.now());
    let next = HEARTBEAT;
    try {
      const answer = await this.look();
      if (this.#misses) this.#inbox.kick();
      this.#misses = 0;
      this.say('signed-out', { yes: false });
      this.say('presence', { ...answer, asked });
    } catch (error) {
      if (error.status === 401) this.say('signed-out', { yes: true });
      if (error.final) this.#refused(error);
      next = delay(this.#misses);
      this.#misses += 1;
    }
    this.#beating = false;
    const wanted = this.#due < Infinity ? SOON : next;
    this.#due = Infinity;
    this.#beatIn(wanted);
  }

  #refused(error) {
    if (!this.#open) return;
    if (error.status === 410) this.#end(error.code === 'replaced' ? 'replaced' : 'gone');
    else if (error.status === 409) this.say('changed', {});
  }

  #end(why) {
    this.close();
    this.say(why, {});
  }
}
