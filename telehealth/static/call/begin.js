/** What the server says of this call; written on our own script, which runs before there is a body. */
export const settings = document.querySelector('#call-settings').dataset;

const { url, csrf, carrier, early } = settings;

/** Without it nobody can be reached: whoever lacks it comes in nowhere, so that nobody waits for them. */
export const supported = 'RTCPeerConnection' in globalThis;

const OFFER_MOST = 1000;
const PREPARED_MOST = 300000;

/**
 * Comes in before most of the page's modules have arrived. The participant's id is fresh at each load
 * of the page: a reload, a crash and a second tab are all the same then.
 */
export const participant = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) =>
  byte.toString(16).padStart(2, '0'),
).join('');

/**
 * Settled once somebody looks at the page: what a browser prepares before the click comes in nowhere.
 * What was prepared long ago may know neither the session nor the network of today: it loads anew,
 * and here nothing is settled.
 */
export const shown = new Promise((resolve) => {
  if (!document.prerendering) resolve();
  const since = Date.now();
  const look = () => (Date.now() - since > PREPARED_MOST ? location.reload() : resolve());
  document.addEventListener('prerenderingchange', look, { once: true });
});

/**
 * Where nothing of the ticket decides how to connect, the first offer goes along with us: that saves
 * a way to the server and back. A browser that cannot make one comes in without.
 */
const offer = early === undefined || !supported
  ? undefined
  : Promise.race([
      import(`./${carrier}.js`).then(({ prepare }) => prepare()),
      new Promise((resolve) => setTimeout(resolve, OFFER_MOST)),
    ]).catch(() => undefined);

/** The answer to come of the first entering. */
export const answer = Promise.all([offer, shown]).then(([description]) =>
  supported && fetch(`${url}/enter`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-CSRFToken': csrf },
    body: JSON.stringify({ participant, offer: description }),
    redirect: 'manual',
    signal: AbortSignal.timeout(8000),
  }),
);

answer.catch(() => {});
