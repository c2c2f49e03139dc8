/**
 * How Dusk runs programs of its own, and those it is sent, from source: in any folder alike. A package.json or deno.json where the
 * user happens to be must not change how Dusk resolves.
 *
 * @module
 */

/** The command up to the permissions and the file of the program, which follow. */
export function denoRun(): string[] {
  return [
    Deno.execPath(),
    "run",
    "--unstable-worker-options",
    "--no-config",
    "--no-lock",
    "--no-prompt",
    "--node-modules-dir=none",
    "--quiet",
  ];
}

/** Environment variables of such a program, besides those that it inherits. */
export const DENO_ENV: Readonly<Record<string, string>> = {
  DENO_NO_PACKAGE_JSON: "1",
  DENO_NO_UPDATE_CHECK: "1",
  NO_COLOR: "1",
};
