import { recover } from './pieces.js';

// Whoever went away from the call too soon may have left the end of a recording in this browser.
const { csrf } = document.querySelector('[data-recover]').dataset;
if (await recover(csrf)) location.reload();
