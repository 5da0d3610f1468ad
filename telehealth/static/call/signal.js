import { Emitter } from './emitter.js';
import { checked, delay, insist, post } from './http.js';
import { Inbox } from './inbox.js';

const HEARTBEAT = 10000;
const SOON = 250;
const NOT_NOW = 2000;
const ODD = [400, 413];
const TRICKLE = 50;
const BATCH = 20;
const BATCH_SIZE = 40000;
const FOR_CARRIERS = ['signal', 'participant-joined', 'participant-left'];

/**
 * A page's line to the server: who is here, and messages from browser to browser. A network that is
 * away and a server that restarts cost time, never a message.
 *
 * Events: `signal` {from, id, body}, `participant-joined` {id, role, name}, `participant-left` {id,
 * reason}, all three kept until `release()`; `presence` {status, participants, asked, …}; `changed`:
 * something about the session; `signed-out` {yes}; `replaced`: a newer page of this person took
 * over; `gone`: this page has left. The last two close the line.
 */
export class Line extends Emitter {
  #url;
  #csrf;
  #inbox;
  #open = true;
  #queue = [];
  #count = 0;
  #sending = false;
  #seen = new Set();
  #held = [];
  #state = 'waiting';
  #beating = false;
  #misses = 0;
  #asked = -Infinity;
  #due = Infinity;
  #timer;

  #early;

  /** The second argument is begin.js: our id, and the answer to come of the first entering. */
  constructor({ url, csrf }, { participant, answer }) {
    super();
    this.participant = participant;
    this.#early = answer;
    this.#url = url;
    this.#csrf = csrf;
    this.#inbox = new Inbox(
      `${url}/inbox?participant=${participant}`,
      (type, data) => this.#deliver(type, data),
      (refusal) => this.#refused(refusal),
    );
  }

  /** Come in, or in again when the call has begun. Throws Refusal. */
  enter() {
    // A word about ourselves can wait until the first offer is out.
    this.#asked = performance.now();
    return insist(
      () => this.#enterOnce(),
      () => this.#open,
    );
  }

  /** The carrier found no room: let there be one. Throws Refusal. */
  reopen() {
    return this.#post('room', {});
  }

  /** Hear what there is for us from `cursor` on. */
  open(cursor) {
    if (this.#open) this.#inbox.open(cursor);
  }

  /** A carrier listens now. */
  release() {
    const held = this.#held ?? [];
    this.#held = null;
    for (const event of held) this.say(...event);
  }

  /** Send a message to a participant: in order, until it has arrived. Candidates swarm: together. */
  send(to, body) {
    this.#count += 1;
    this.#queue.push({ to, id: `${this.participant}-${this.#count}`, body });
    if (body.candidate) setTimeout(() => this.#flush(), TRICKLE);
    else this.#flush();
  }

  /**
   * Say how we are, soon and at every heartbeat: waiting, connecting, connected, reconnecting. While
   * we connect, the ways to each other come first.
   */
  report(state) {
    this.#state = state;
    if (state === 'connecting') this.#beatIn(NOT_NOW);
    else this.ask();
  }

  /** Ask how the session stands: now, or a moment after the last time, for changes swarm. */
  ask() {
    this.#beatIn(Math.max(0, this.#asked + SOON - performance.now()));
  }

  /** The network is back. */
  hurry() {
    this.#inbox.kick();
    this.ask();
  }

  /** How the session stands; answered to a closed line too. Throws Refusal. */
  look() {
    return this.#post('presence', { state: this.#state });
  }

  /** Go; the browser sees to it even while the page closes. */
  async leave() {
    if (!this.#open) return;
    this.close();
    await this.#post('leave', {}, { keepalive: true, timeout: 2000 }).catch(() => {});
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

  async #enterOnce() {
    // What was asked for before we were here counts once.
    const early = this.#early;
    this.#early = null;
    try {
      return await (early ? early.then(checked).then((answer) => answer.json()) : this.#post('enter', {}));
    } catch (error) {
      // Outside there is nothing to go on with: sign in first.
      error.final ||= error.status === 401;
      // What went along the server does not take; it takes us.
      if (early && ODD.includes(error.status)) error.final = false;
      throw error;
    }
  }

  #deliver(type, data) {
    if (type === 'replaced' || type === 'gone') {
      this.#end(type);
      return;
    }
    if (type === 'participant-joined') this.#asked = performance.now();
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
        await insist(
          () => this.#post('signal', { messages }),
          () => this.#open,
        );
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
    return this.#queue.slice(0, BATCH).filter((message, index) => {
      size += JSON.stringify(message).length;
      return !index || size < BATCH_SIZE;
    });
  }

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
    const asked = performance.now();
    this.#asked = asked;
    let next = HEARTBEAT;
    try {
      const answer = await this.look();
      if (this.#misses) this.#inbox.kick();
      this.#misses = 0;
      if (this.#open) this.say('signed-out', { yes: false });
      if (this.#open) this.say('presence', { ...answer, asked });
    } catch (error) {
      if (error.status === 401) this.say('signed-out', { yes: true });
      if (error.final) this.#refused(error);
      next = delay(this.#misses);
      this.#misses += 1;
    }
    this.#beating = false;
    if (this.#due < Infinity) next = SOON;
    this.#due = Infinity;
    this.#beatIn(next);
  }

  #refused({ status, code }) {
    if (!this.#open) return;
    if (status === 410) this.#end(code === 'replaced' ? code : 'gone');
    else if (status === 409) this.say('changed', {});
  }

  #end(why) {
    this.close();
    this.say(why, {});
  }
}
