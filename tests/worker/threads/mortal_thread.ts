/**
 * A thread that can die, which the real one guards against: it has a listener for errors that comes
 * before the guards. With `?once` in its address, only the pool's first thread starts.
 *
 * @module
 */
import "../../../worker/threads/thread.ts";

if (import.meta.url.endsWith("?once") && self.name !== "dusk thread 0") {
  throw new Error("this module can't be started again");
}

let dying = false;
globalThis.addEventListener("error", (event) => {
  if (dying) event.stopImmediatePropagation();
});
Object.assign(globalThis, {
  die() {
    dying = true;
    setTimeout(() => {
      throw new Error("struck down");
    }, 0);
  },
});
