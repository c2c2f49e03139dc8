/**
 * Collects garbage so that its memory is free, and counts as free, before anything else happens.
 *
 * @module
 */

/** V8's collector, as `--expose-gc` gives it. */
type EngineCollector = (
  options?: { type: "minor" } | { type: "major"; flavor: "last-resort" },
) => void;

// Kept from tasks that replace globals.
const exposed = (globalThis as { gc?: EngineCollector }).gc;

/**
 * Collects all garbage of this thread; undefined unless the program was started with `--expose-gc`.
 *
 * Large buffers are freed on the side, after the engine's collector has returned, and the engine counts them as
 * used until it collects the next time. The small collection waits for that, and has it counted.
 */
export const exposedCollector: (() => void) | undefined = exposed && (() => {
  exposed();
  exposed({ type: "minor" });
});

/**
 * As {@linkcode exposedCollector}, and gives the memory back to the system. That takes several times as long; but
 * by itself the engine keeps tens of megabytes of a heap that has shrunk for some seconds.
 */
export const exposedReleaser: (() => void) | undefined = exposed && (() => {
  exposed({ type: "major", flavor: "last-resort" });
});

/**
 * As {@linkcode exposedReleaser}, from a new context: for programs that were started without the flag, and have
 * set it since. There are no others to be had there.
 *
 * @returns Undefined where the flag came too late, as in Deno 2.6.
 */
export function hiddenCollector(): (() => void) | undefined {
  try {
    const collect: EngineCollector = process.getBuiltinModule("node:vm").runInNewContext("gc");
    return () => collect();
  } catch {
    return undefined;
  }
}
