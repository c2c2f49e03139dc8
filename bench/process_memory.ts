/**
 * How much memory processes take at their peak, from Linux's /proc.
 *
 * @module
 */

/** Memory of a process, in bytes. */
export interface ProcessMemory {
  /** Resident now. */
  resident: number;
  /** Most that was resident since the peak was last reset, or since the process began. */
  peak: number;
}

/** Whether this system tells. */
export const memoryIsKnown = Deno.build.os === "linux";

/**
 * Memory of a process.
 *
 * @param pid Its id.
 */
export function memoryOf(pid: number): ProcessMemory {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const field = (name: string) => {
    const kilobytes = status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"));
    if (kilobytes === null) throw new Error(`/proc/${pid}/status has no ${name}`);
    return Number(kilobytes[1]) * 1024;
  };
  return { resident: field("VmRSS"), peak: field("VmHWM") };
}

/**
 * Let a process's peak begin anew at what is resident now.
 *
 * @param pid Its id; the process must be this user's.
 */
export function resetPeak(pid: number): void {
  Deno.writeTextFileSync(`/proc/${pid}/clear_refs`, "5");
}
