/* Keeps the screen lit while a stage is open. Loaded only where the browser offers it: over https and on this very machine. */
let lock = null;

/** Takes or gives back the wake lock; the browser itself takes it away whenever the page is hidden. */
export async function stayAwake(wanted) {
  if (!wanted) {
    lock?.release?.();
    lock = null;
  } else if (!lock) {
    lock = navigator.wakeLock.request("screen").catch(() => null); // refused on low battery: the next call asks again
    lock = await lock;
    lock?.addEventListener("release", () => (lock = null));
  }
}
