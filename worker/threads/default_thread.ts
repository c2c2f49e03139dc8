/**
 * Which module threads run when their pool is not told. The one that comes with this room has no clients
 * for its tasks, since this room knows none; whoever puts a program together has a better one.
 *
 * @module
 */

let module = new URL("./thread.ts", import.meta.url);

/** The module that threads run. */
export function defaultThread(): URL {
  return module;
}

/**
 * Have threads run another module, in all pools to come.
 *
 * @param url Its URL; it calls `startThread`.
 */
export function useThread(url: URL): void {
  module = url;
}
