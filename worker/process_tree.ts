/**
 * Ending a worker's process with all that its tasks have started. Tasks that may run programs leave them
 * behind when their worker is killed; here they go along.
 *
 * The process leads a process group of its own, which programs belong to unless they leave it. Those that
 * have left it are found on Linux by their environment, which they inherit. On macOS only the group is
 * ended. Windows has no groups: `taskkill /T` ends the descendants of a process that is still there.
 *
 * @module
 */
import { isGranted } from "../config/permission.ts";

/** Environment variable that worker processes and what they start have in common. */
export const COOKIE_NAME = "DUSK_NANNY_COOKIE";

/**
 * Kill a process and all that belongs to it, at once: as much of it as this program may see and end.
 * Nothing happens when all of it is gone.
 *
 * @param pid The process, which leads a group of its own.
 * @param cookie The value of {@linkcode COOKIE_NAME} in its environment.
 */
export function killTree(pid: number, cookie: string): void {
  if (!isGranted({ name: "run" })) return;
  if (Deno.build.os === "windows") {
    new Deno.Command("taskkill", {
      args: ["/F", "/T", "/PID", `${pid}`],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return;
  }
  // This process, where it is one of them, goes last: with its group.
  killOthers(cookie);
  kill(-pid);
}

/** Kill all processes with this cookie but this one, where they can be seen (on Linux). */
export function killOthers(cookie: string): void {
  for (const pid of processesWith(cookie) ?? []) if (pid !== Deno.pid) kill(pid);
}

/** Whether this program may see and end all of a process's tree, which takes all permissions on Linux. */
export function mayKillTrees(): boolean {
  if (!isGranted({ name: "run" })) return false;
  return Deno.build.os !== "linux" || processesWith("none") !== undefined;
}

/** Processes that have this cookie in their environment; undefined where that cannot be seen. */
function processesWith(cookie: string): number[] | undefined {
  if (Deno.build.os !== "linux" || !isGranted({ name: "read", path: "/proc" })) return undefined;
  const found: number[] = [];
  const wanted = `${COOKIE_NAME}=${cookie}`;
  try {
    for (const { name } of Deno.readDirSync("/proc")) {
      if (/^\d+$/.test(name) && environmentOf(name).includes(wanted)) found.push(Number(name));
    }
  } catch (error) {
    // Deno shows /proc to programs with all permissions only.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
  return found;
}

function environmentOf(pid: string): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    // Another user's process, the kernel's own, or one that has just ended.
    return [];
  }
}

/** Kill a process, or a group (`-pid`); one that is gone is no error. */
function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It is gone already: Deno has no class of its own for that.
  }
}
