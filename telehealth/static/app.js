// The ordinary pages: asking first, copying, where focus goes after a swap, lost connections.
// No text is written here; it comes from the page. Elements are looked up when they are needed and
// events are heard on the document: going back in history replaces the whole body.

const find = (selector, root = document) => root.querySelector(selector);

/** Reads words out once, also when they are the same as before. */
export function announce(words) {
  const region = find('#announcer');
  if (!region || !words) return;
  region.textContent = '';
  setTimeout(() => { region.textContent = words; }, 50);
}

// ---- Asking before what cannot be undone -----------------------------------------------------

let asking = null;
let agreed = null;

function ask(button) {
  const { confirmTitle, confirmText, confirmYes, confirmNo, confirmReason } = button.dataset;
  const dialog = find('#confirm');
  asking = button;
  find('#confirm-title').textContent = confirmTitle;
  find('#confirm-text').textContent = confirmText;
  find('[value=yes]', dialog).textContent = confirmYes;
  find('[value=no]', dialog).textContent = confirmNo;
  const reason = find('#confirm-reason');
  reason.hidden = !confirmReason;
  find('label', reason).textContent = confirmReason ?? '';
  find('textarea', reason).value = '';
  dialog.showModal();
}

const DOUBLE_CLICK = 500;
const SAME_PLACE = 5;
let turned = null;

/** Whether it is the second half of a double click on what opened or closed the question: no press at all. */
const isRest = ({ detail, timeStamp, clientX, clientY }) => (
  detail > 0 && turned !== null && timeStamp - turned.timeStamp < DOUBLE_CLICK
  && Math.hypot(clientX - turned.clientX, clientY - turned.clientY) < SAME_PLACE
);

// In the capture phase, so that neither htmx nor the form sees a press that is not agreed to yet.
document.addEventListener('click', (event) => {
  if (isRest(event)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  if (event.target.closest?.('#confirm button')) turned = event;
  const button = event.target.closest?.('[data-confirm-title]');
  if (!button) return;
  if (button === agreed) { agreed = null; return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  turned = event;
  ask(button);
}, true);

document.addEventListener('submit', (event) => {
  const dialog = event.target.closest('#confirm');
  if (!dialog) return;
  event.preventDefault();
  dialog.close();
  if (event.submitter?.value !== 'yes') return;
  // The page may have refreshed itself behind the dialog.
  const button = asking.isConnected ? asking : document.getElementById(asking.id);
  if (!button?.dataset.confirmTitle || button.dataset.confirmYes !== asking.dataset.confirmYes) {
    announce(dialog.dataset.gone);
    return;
  }
  const reason = button.form?.elements.namedItem('reason');
  if (reason) reason.value = find('#confirm-reason-text').value.trim();
  agreed = button;
  button.click();
});

// ---- Small presses ---------------------------------------------------------------------------

async function copy(button) {
  const box = find(button.dataset.copy);
  let words = button.dataset.copied;
  try {
    await navigator.clipboard.writeText(box.value);
  } catch {
    // No clipboard without a secure origin or the right to use it.
    box.select();
    if (!document.execCommand('copy')) words = button.dataset.notCopied;
    if (words === button.dataset.copied) button.focus();
  }
  announce(words);
  const label = find('span', button);
  label.dataset.before ??= label.textContent;
  label.textContent = words;
  setTimeout(() => { label.textContent = label.dataset.before; }, 3000);
}

document.addEventListener('click', (event) => {
  const button = event.target.closest?.('[data-copy], [data-dismiss], [data-print]');
  if (!button) return;
  if (button.dataset.copy) copy(button);
  if ('print' in button.dataset) print();
  if ('dismiss' in button.dataset) {
    button.closest('.notice').remove();
    find('#main').focus({ preventScroll: true });
  }
});

// A form without fields would leave a bare "?" at the end of the address.
document.addEventListener('submit', (event) => {
  if (!('go' in event.target.dataset)) return;
  event.preventDefault();
  location.assign(event.target.action);
});

// ---- What a call needs, fetched before it is wanted ------------------------------------------

const PARTS = 'begin call awake chooser controls devices emitter http inbox people room signal view';
const CARRIERS = { peer: 'lines pair peer quality still', twilio: 'twilio twilio-library' };

function fetchAhead() {
  const ahead = find('a[data-ahead=all]');
  if (!ahead || find('link[rel=prefetch]')) return;
  for (const part of `${PARTS} ${CARRIERS[ahead.dataset.carrier]}`.split(' ')) {
    const link = document.createElement('link');
    link.rel = 'prefetch';
    link.href = new URL(`call/${part}.js`, import.meta.url);
    document.head.append(link);
  }
}

addEventListener('load', () => setTimeout(fetchAhead, 100));

function nameForeignZone() {
  for (const note of document.querySelectorAll('[data-zone]')) {
    note.hidden = note.dataset.zone === Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
}

// ---- After a swap ----------------------------------------------------------------------------

const byPress = (ctx) => ['click', 'submit'].includes(ctx?.sourceEvent?.type);
const rootOf = ({ target }) => {
  if (target?.isConnected) return target;
  return (target?.id && document.getElementById(target.id)) || find('#main');
};

/** Focus goes to what the answer marks, stays where it was, or goes to the heading; never to nowhere. */
function placeFocus(ctx) {
  const root = rootOf(ctx);
  const again = document.getElementById(ctx.pressedId ?? '');
  const first = find('[data-error-summary], [data-focus=first]', root);
  const lost = [null, document.body, find('#main')].includes(document.activeElement);
  if (!first && !lost) return;
  (first ?? again ?? find('[data-focus]', root) ?? find('h1'))?.focus();
}

function markTitle() {
  const word = document.body.dataset.errorWord ?? '';
  const bare = document.title.startsWith(word) ? document.title.slice(word.length) : document.title;
  document.title = find('[data-error-summary]') ? word + bare : bare;
}

const refreshOpenHistories = () => {
  for (const part of document.querySelectorAll('details[open][hx-get]')) htmx.trigger(part, 'opened', {}, false);
};

document.addEventListener('htmx:before:request', ({ detail: { ctx } }) => {
  ctx.begun = performance.now();
  if (!byPress(ctx)) return;
  ctx.pressedId = ctx.sourceElement.id;
  // What was said of the press before is over.
  find('#flash')?.replaceChildren();
});

/** Whether a refusal brings the part that was asked for; a proxy's error page does not. */
const bringsPart = (ctx) => Boolean(ctx?.target?.id) && ctx.text?.includes(`id="${ctx.target.id}"`);

document.addEventListener('htmx:before:swap', (event) => {
  const { ctx } = event.detail;
  if (ctx.response?.status >= 500 && ctx.swap !== 'none' && !bringsPart(ctx)) event.preventDefault();
  ctx.openParts = [...rootOf(ctx).querySelectorAll('details[open][id]')].map((part) => part.id);
});

document.addEventListener('htmx:after:swap', ({ detail: { ctx } }) => {
  for (const id of ctx.openParts ?? []) document.getElementById(id)?.setAttribute('open', '');
  nameForeignZone();
  markTitle();
  fetchAhead();
  if (!byPress(ctx)) return;
  placeFocus(ctx);
  // A press that swaps nothing itself concerns something that a live part of the page shows.
  if (ctx.request.method === 'POST' && ctx.swap === 'none') {
    const words = new DOMParser().parseFromString(ctx.text, 'text/html').querySelector('article .notice');
    if (words) find('#flash').replaceChildren(words);
    htmx.trigger(document.body, 'changed');
  }
});

// The button was disabled while its request ran, which takes its focus away.
document.addEventListener('htmx:finally:request', ({ detail: { ctx } }) => {
  if (byPress(ctx)) setTimeout(() => placeFocus(ctx), 20);
});

document.addEventListener('toggle', ({ target }) => {
  if (target.open && target.matches('details[hx-get]')) htmx.trigger(target, 'opened', {}, false);
}, true);
document.addEventListener('changed', refreshOpenHistories);

// ---- A lost connection -----------------------------------------------------------------------

let troubledSince = 0;

// Firefox cuts off what is under way as soon as another page is asked for, as if the network were away.
const LEAVING = 1000;
let leftAt = -Infinity;
let stream = null;
addEventListener('beforeunload', () => {
  leftAt = performance.now();
  // Where the page stays after all, as with a download, the stream begins anew.
  stream?.reader?.cancel();
});
document.addEventListener('htmx:sse:after:connection', ({ detail }) => { stream = detail.connection; });

function showTrouble(shown) {
  const trouble = find('#trouble');
  if (trouble) trouble.hidden = !shown;
}

const report = ({ detail: { ctx } }) => {
  const status = ctx?.response?.status;
  if ((status && status < 500) || bringsPart(ctx)) return;
  if (!status && performance.now() - leftAt < LEAVING) return;
  troubledSince = performance.now();
  showTrouble(true);
};
document.addEventListener('htmx:error', report);
document.addEventListener('htmx:response:error', report);
document.addEventListener('htmx:after:request', ({ detail: { ctx } }) => {
  // An answer that was on its way before the trouble began says nothing about now.
  if (ctx.response.status < 500 && ctx.begun > troubledSince) showTrouble(false);
});

nameForeignZone();
