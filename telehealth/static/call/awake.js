/** Keep the screen on, where the browser can; gives a function that lets it sleep again. */
export function stayAwake() {
  let lock = null;
  let over = false;

  async function ask() {
    if (over || document.hidden) return;
    lock = await navigator.wakeLock?.request('screen').catch(() => null);
    if (over) lock?.release();
  }

  // Browsers drop the lock whenever the page is hidden.
  document.addEventListener('visibilitychange', ask);
  ask();
  return () => {
    over = true;
    lock?.release();
  };
}
