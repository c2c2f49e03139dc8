/**
 * How much memory another process holds. The system is asked, not the process: one that is busy or stuck
 * could not answer when it matters most.
 *
 * @module
 */
import { isGranted } from "../config/permission.ts";

/**
 * Resident memory of a process.
 *
 * @param pid The process.
 * @returns Bytes; undefined when the process is gone, or where this process may not know.
 */
export type MemoryReader = (pid: number) => number | undefined | Promise<number | undefined>;

/**
 * How this process can learn of others' memory.
 *
 * @returns undefined where it cannot: the other process has to tell it.
 */
export async function memoryReader(): Promise<MemoryReader | undefined> {
  let reader: MemoryReader | undefined;
  if (Deno.build.os === "linux" && isGranted({ name: "read", path: "/proc" })) reader = fromProc;
  if (Deno.build.os === "darwin" && isGranted({ name: "run", command: "ps" })) reader = fromPs;
  return await reader?.(Deno.pid) === undefined ? undefined : reader;
}

/** 30 µs a call. */
function fromProc(pid: number): number | undefined {
  try {
    const kilobytes = Deno.readTextFileSync(`/proc/${pid}/status`).match(/^VmRSS:\s+(\d+) kB$/m);
    return kilobytes === null ? undefined : Number(kilobytes[1]) * 1024;
  } catch {
    // The process has ended; or Deno does not show /proc, for which it wants all permissions.
    return undefined;
  }
}

async function fromPs(pid: number): Promise<number | undefined> {
  try {
    const ps = new Deno.Command("ps", { args: ["-o", "rss=", "-p", `${pid}`], stderr: "null" });
    const text = new TextDecoder().decode((await ps.output()).stdout).trim();
    return /^\d+$/.test(text) ? Number(text) * 1024 : undefined;
  } catch {
    // There is no ps.
    return undefined;
  }
}
