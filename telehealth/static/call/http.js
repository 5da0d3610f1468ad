/** How the call page speaks to its own server: patiently. */

const TIME_OUT = 8000;
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 4000;

/** The server's no; `final`: it would be the same again. */
export class Refusal extends Error {
  constructor(status, code = '') {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
    // After 401 the person may sign in again in another tab.
    this.final = status < 500 && ![401, 408, 425, 429].includes(status);
  }
}

/** The answer, if it is a good one. Throws Refusal. */
export async function checked(answer) {
  if (answer.ok) return answer;
  if (answer.type === 'opaqueredirect') throw new Refusal(401);
  const { error } = await answer.json().catch(() => ({}));
  throw new Refusal(answer.status, error?.code);
}

/** POST JSON, get JSON. Throws Refusal, or what fetch throws. */
export async function post(url, body, { csrf, keepalive = false, timeout = TIME_OUT }) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRFToken': csrf },
    body: JSON.stringify(body),
    keepalive,
    redirect: 'manual',
    signal: AbortSignal.timeout(timeout),
  });
  return (await checked(answer)).json();
}

/** How long to wait before another try: doubling, capped, and not all browsers at once. */
export function delay(tries) {
  return Math.min(FIRST_PAUSE * 2 ** tries, LONGEST_PAUSE) * (0.75 + Math.random() / 2);
}

/** Wait, but not longer than until the network is back. */
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

/** Repeat until it is done, refused for good or no longer `wanted` after what went wrong. */
export async function insist(task, wanted = () => true) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (error.final || !wanted(error)) throw error;
      await pause(delay(tries));
      if (!wanted(error)) throw error;
    }
  }
}
