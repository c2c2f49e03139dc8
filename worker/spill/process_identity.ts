/**
 * Which process is meant, beyond its number: process ids are used again, and folders are shared by
 * machines and containers that count their processes apart.
 *
 * @module
 */
import process from "node:process";

/** A process, now or once. */
export interface ProcessIdentity {
  pid: number;
  /** When it began, in the system's ticks since it booted; "" where that is not told. */
  started: string;
  /** The container, so to say, that `pid` counts in; "" where there are none. */
  namespace: string;
  /** Changes whenever the machine boots; "" where that is not told. */
  boot: string;
  /** The machine: a hash of its id; "" where it has none. */
  machine: string;
  /** Its name. */
  host: string;
}

/** This process. Without permission to look, what cannot be known is "". */
export function thisProcess(): ProcessIdentity {
  return {
    pid: Deno.pid,
    started: startOf(Deno.pid) ?? "",
    namespace: attempt(() => Deno.readLinkSync("/proc/self/ns/pid").replace(/\D/g, "")) ?? "",
    boot: shortId("/proc/sys/kernel/random/boot_id"),
    machine: shortId("/etc/machine-id"),
    host: (attempt(() => Deno.hostname()) ?? "").replace(/[^A-Za-z0-9-]/g, "-").slice(0, 64),
  };
}

/**
 * Whether a process has certainly ended: of one on another machine, or in another container, nobody can
 * tell from here.
 *
 * @param other The process.
 * @param here This one.
 */
export function hasEnded(other: ProcessIdentity, here: ProcessIdentity): boolean {
  if (other.host !== here.host || other.machine !== here.machine || here.host === "") return false;
  if (other.boot !== here.boot) return other.boot !== "" && here.boot !== "";
  if (other.namespace !== here.namespace || (other.started === "") !== (here.started === "")) {
    return false;
  }
  return other.started === "" ? !exists(other.pid) : startOf(other.pid) !== other.started;
}

/** Whether there is a process of this number: perhaps another one by now. */
function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}

/** When a process began; undefined when there is none of this number, or nobody tells. */
function startOf(pid: number): string | undefined {
  // "PID (NAME) STATE …": the name may contain anything, the start is the 20th field after it.
  const text = attempt(() => Deno.readTextFileSync(`/proc/${pid}/stat`));
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

/** The beginning of an id in a file, in letters and digits. */
function shortId(path: string): string {
  return (attempt(() => Deno.readTextFileSync(path)) ?? "").replace(/[^A-Za-z0-9]/g, "").slice(
    0,
    12,
  );
}

function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    // Not there, another system, or not permitted: then it is not known.
    return undefined;
  }
}
