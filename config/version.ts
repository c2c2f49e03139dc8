/**
 * The version of Dusk: the one place where it stands in the code. A test holds it against deno.json.
 *
 * @module
 */

/** Version of Dusk, such as "0.1.0". */
export const version = "0.1.0";

/** Versions of what a process runs on, for `identity` and for registration messages. */
export function versions(): Record<string, string> {
  return {
    dusk: version,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
    typescript: Deno.version.typescript,
  };
}
