/**
 * A script in a compiled `dusk-remote` that lacks a permission: Deno's error advises to compile the
 * program with it, though it is that of `dusk-remote` to give.
 *
 * @module
 */

/** Deno's advice in compiled programs. */
const COMPILE =
  /, specify the required permissions during compilation using .?deno compile (--allow-[a-z]+).?/g;

/**
 * Puts the remedy of scripts in the place of Deno's.
 *
 * @param text An error, as it is shown.
 * @returns The same, with the flag of `dusk-remote`.
 */
export function advisePermission(text: string): string {
  return text.replace(
    COMPILE,
    (_, flag) =>
      `: start dusk-remote with ${
        flag === "--allow-all" ? flag : `${flag}=…`
      } to let scripts do it`,
  );
}
