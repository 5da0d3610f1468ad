/** How the call page speaks to its own server: patiently. */

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4000;
const TIME_OUT = 8000;

/** The server's no. `final`: the same question would get the same answer. */
export class Refusal extends Error {
  constructor(status, code = '') {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    // A sign-in that is over may be renewed in another tab, so 401 is worth asking again.
    this.final = status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);
  }
}

/** The answer itself, or a Refusal. */
export async function checked(answer) {
  if (answer.ok) return answer;
  if (answer.type === 'opaqueredirect') throw new Refusal(401, 'unauthenticated');
  const { error } = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, error?.code);
}

/** POST JSON and return the JSON of the answer. Throws Refusal, or what fetch throws. */
export async function post(url, body, { csrf, keepalive = false, timeout = TIME_OUT } = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/json', 'X-CSRFToken': csrf },
    body: JSON.stringify(body),
    keepalive,
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout),
  });
  await checked(answer);
  return answer.json();
}

/** How long to wait before try number `tries`: doubling, capped, and never all browsers at once. */
export function delay(tries) {
  return Math.min(FIRST_PAUSE * 2 ** tries, LONGEST_PAUSE) * (0.75 + Math.random() / 2);
}

/** Wait, but no longer than until the network is back. */
export function pause(milliseconds) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener('online', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    addEventListener('online', done);
  });
}

/** Repeat `task` until it is done, refused for good, or no longer `wanted`. */
export async function insist(task, wanted = () => true) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (error.final || !wanted()) throw error;
    }
    await pause(delay(tries));
    if (!wanted()) throw new Error('no longer wanted');
  }
}
