import { checked, insist, post } from './http.js';

const NAME = 'recordings';
const LONGEST_WAIT = 15000;
const TIME_OUT = 20000;
/** Nobody takes it from who is signed in now; whose it is may come back. */
const NOT_FROM_US = [401, 403, 404];

const done = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

let opened = null;

/** The browser's own store; null where it has none, as in some private windows. */
function store() {
  opened ??= (async () => {
    try {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore('recordings', { keyPath: 'id' });
        request.result.createObjectStore('pieces', { keyPath: ['id', 'number'] });
      };
      return await done(request);
    } catch {
      return null;
    }
  })();
  return opened;
}

/** Do something with both tables; nothing where there is no store, or it is full. */
async function shelf(act) {
  const database = await store();
  try {
    const names = ['recordings', 'pieces'];
    const transaction = database.transaction(names, 'readwrite');
    return await act(...names.map((name) => transaction.objectStore(name)));
  } catch {
    return null;
  }
}

/** All pieces of one recording. */
const piecesOf = (id) => IDBKeyRange.bound([id, 0], [id, Infinity]);

/** As long as a page holds this, nobody else sends its pieces. */
const lockOf = (id) => `recording ${id}`;

/**
 * Sends a recording to the server, piece by piece and in order. Each piece is kept in the browser
 * until the server has it, so that a reload loses none.
 */
export class Upload {
  /** Why the server takes no more of it, or null. */
  refusal = null;
  #id;
  #url;
  #csrf;
  #seconds;
  #queue;
  #wanted;
  #count = 0;
  #sending = null;
  #release = () => {};

  /** `left`: the pieces that an earlier page could not send any more. */
  constructor({ id, url, csrf, seconds = 0 }, left = null) {
    this.#id = id;
    this.#url = url;
    this.#csrf = csrf;
    this.#seconds = seconds;
    this.#queue = left ?? [];
    // During the call the person may sign in again in another tab; for leftovers no call waits.
    this.#wanted = ({ status }) => left === null || status !== 401;
  }

  /** Let the server know that something comes. Throws Refusal. */
  async begin(mediaType, wanted) {
    const held = new Promise((resolve) => (this.#release = resolve));
    navigator.locks?.request(lockOf(this.#id), () => held);
    const body = { id: this.#id, media_type: mediaType };
    await insist(() => post(`${this.#url}/recordings`, body, { csrf: this.#csrf }), wanted);
    await this.#remember();
  }

  /** Take the next piece; `seconds`: how long the recording is with it. */
  async add(blob, seconds) {
    const number = this.#count;
    this.#count += 1;
    this.#seconds = seconds;
    const piece = { id: this.#id, number, data: blob, at: performance.now() };
    this.#queue.push(piece);
    await shelf((_, pieces) => done(pieces.put({ id: this.#id, number, data: blob })));
    await this.#remember();
    this.#send();
  }

  /** For how many milliseconds the oldest piece has been waiting. */
  get behind() {
    return this.#queue.length ? performance.now() - this.#queue[0].at : 0;
  }

  /** Send the rest, and say that this was all. */
  async finish() {
    await this.#send();
    if (!this.stays) await this.#end();
    if (!this.stays) await this.#forget();
    this.#release();
  }

  async #end() {
    const body = { duration_seconds: Math.round(this.#seconds) };
    try {
      const url = `${this.#url}/recordings/${this.#id}/finish`;
      await insist(() => post(url, body, { csrf: this.#csrf }), this.#wanted);
    } catch (refusal) {
      this.refusal ??= refusal;
    }
  }

  /** The page goes away: where nothing waits, the server may know that this was all. */
  close() {
    if (this.#queue.length || this.refusal) return;
    const body = { duration_seconds: Math.round(this.#seconds) };
    const options = { csrf: this.#csrf, keepalive: true };
    post(`${this.#url}/recordings/${this.#id}/finish`, body, options).catch(() => {});
  }

  /** Whether it is kept here, for whoever made it. */
  get stays() {
    return NOT_FROM_US.includes(this.refusal?.status);
  }

  #send() {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #sendAll() {
    while (this.#queue.length) {
      const { number, data } = this.#queue[0];
      try {
        await insist(() => this.#post(number, data), this.#wanted);
      } catch (refusal) {
        // Withdrawn, deleted or too late: none of it may be kept, here neither.
        this.refusal = refusal;
        this.#queue = [];
        if (this.stays) return;
        await shelf((_, pieces) => done(pieces.delete(piecesOf(this.#id))));
        return;
      }
      this.#queue.shift();
      await shelf((_, pieces) => done(pieces.delete([this.#id, number])));
    }
  }

  async #post(number, data) {
    const answer = await fetch(`${this.#url}/recordings/${this.#id}/pieces/${number}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/octet-stream', 'X-CSRFToken': this.#csrf },
      body: data,
      redirect: 'manual',
      signal: AbortSignal.timeout(TIME_OUT),
    });
    await checked(answer);
  }

  #remember() {
    const seen = { id: this.#id, url: this.#url, seconds: this.#seconds };
    return shelf((recordings) => done(recordings.put(seen)));
  }

  #forget() {
    return shelf(async (recordings, pieces) => {
      recordings.delete(this.#id);
      await done(pieces.delete(piecesOf(this.#id)));
    });
  }
}

/** Send what earlier pages of this browser made and could not send any more; how many recordings it was. */
export async function recover(csrf) {
  const left = (await shelf((recordings) => done(recordings.getAll()))) ?? [];
  let count = 0;
  for (const { id, url, seconds } of left) {
    const rest = async () => {
      const pieces = await shelf((_, all) => done(all.getAll(piecesOf(id))));
      const upload = new Upload({ id, url, csrf, seconds }, pieces ?? []);
      await upload.finish();
      if (!upload.stays) count += 1;
    };
    const signal = AbortSignal.timeout(LONGEST_WAIT);
    if (navigator.locks) await navigator.locks.request(lockOf(id), { signal }, rest).catch(() => {});
    else await rest();
  }
  return count;
}
