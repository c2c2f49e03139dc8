/**
 * Whether this program may start threads with permissions of their own: that takes Deno's unstable
 * feature `worker-options`, and without it Deno ends the program there, which nothing can catch.
 *
 * Deno has no question for that. But a child process that Node's `fork` makes is given the features of
 * its parent as flags; so one is made that cannot start, for what its flags would have been.
 *
 * @module
 */
import { isGranted } from "../../config/permission.ts";
import { ThreadStartError } from "./pool_thread.ts";

const FLAG = "--unstable-worker-options";

let answer: boolean | undefined;

/**
 * Checks that threads can have these permissions.
 *
 * @throws {ThreadStartError} When the feature is off for certain.
 */
export function checkWorkerOptions(permissions: Deno.PermissionOptions): void {
  if (permissions === "inherit" || (answer ??= ask())) return;
  throw new ThreadStartError(
    `tasks have permissions of their own (${
      JSON.stringify(permissions)
    }) only with Deno's feature ` +
      `worker-options: run the program with ${FLAG}, or with "unstable": ["worker-options"] in its ` +
      `deno.json, or use a LocalCluster with processes: true`,
  );
}

/** False when it is off for certain; true when it is on, or nobody can tell. */
function ask(): boolean {
  // Asking needs these. A compiled program has the features that it was compiled with.
  if (Deno.build.standalone || !isGranted({ name: "run" }) || !isGranted({ name: "env" })) {
    return true;
  }
  const { fork } = process.getBuiltinModule("node:child_process");
  const child = fork("", [], {
    execPath: "/dev/null/no-program",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  child.on("error", () => {});
  const flags = child.spawnargs.filter((flag) => flag.startsWith("--unstable-"));
  // Some features are always on: where none is told, `fork` does not tell of any.
  return flags.length === 0 || flags.includes(FLAG);
}
