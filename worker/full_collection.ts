/**
 * Collects garbage so that its memory is free, and counts as free, before anything else happens.
 *
 * @module
 */

/** V8's collector, as `--expose-gc` gives it. */
export type EngineCollector = (options?: { type: "minor" }) => void;

/**
 * Collect all garbage of this thread.
 *
 * Large buffers are freed on the side, after the collector has returned, and the engine counts them as used
 * until it collects the next time. The small collection waits for that, and has it counted.
 *
 * @param collect The engine's collector.
 */
export function collectFully(collect: EngineCollector): void {
  collect();
  collect({ type: "minor" });
}
