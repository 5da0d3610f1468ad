const { url, csrf } = document.querySelector('#call').dataset;

/**
 * Comes in before the page's other modules have arrived: it needs none of them. The participant's id
 * is fresh at each load of the page: a reload, a crash and a second tab are all the same then.
 */
export const participant = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
  byte.toString(16).padStart(2, '0'),
).join('');

/** Settled once somebody looks at the page: what a browser prepares before the click comes in nowhere. */
export const shown = new Promise((resolve) => {
  if (document.prerendering) document.addEventListener('prerenderingchange', resolve, { once: true });
  else resolve();
});

/** The answer to come of the first entering. */
export const answer = shown.then(() =>
  fetch(`${url}/enter`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRFToken': csrf },
    body: JSON.stringify({ participant }),
    redirect: 'manual',
    signal: AbortSignal.timeout(8000),
  }),
);

answer.catch(() => {});
