import { recover } from './pieces.js';

// Whoever went away from the call too soon may have left the end of a recording in this browser, or
// may have come here while that was just being sent.
const { csrf, soon } = document.querySelector('[data-recover]').dataset;
const [{ type }] = performance.getEntriesByType('navigation');
const count = await recover(csrf);
if (type !== 'reload' && count) location.reload();
else if (type !== 'reload' && soon !== undefined) setTimeout(() => location.reload(), 3000);
