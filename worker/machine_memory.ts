/**
 * How much memory this process can get: that of the machine, or less where its control group is
 * limited, as in a container or under a job scheduler.
 *
 * @module
 */

/** Files of a control group that hold its limit, for both versions of control groups. */
const LIMIT_FILES = { v1: "memory.limit_in_bytes", v2: "memory.max" } as const;

/**
 * The memory that this process can get.
 *
 * @param read Reads a file; undefined when it cannot be read. Default: from the system.
 * @returns Bytes; undefined where that cannot be known, as without `--allow-sys`.
 */
export function machineMemory(
  read: (path: string) => string | undefined = readText,
): number | undefined {
  const limits = groupLimits(read);
  const total = totalMemory();
  if (total !== undefined) limits.push(total);
  return limits.length === 0 ? undefined : Math.min(...limits);
}

/** The limits of the process's control group and of those that it is part of. */
function groupLimits(read: (path: string) => string | undefined): number[] {
  const limits: number[] = [];
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    // "0::/path" in version 2, "7:memory:/path" in version 1.
    const [, controllers, path] = /^[0-9]+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const isV2 = controllers === "";
    if (!isV2 && !controllers.split(",").includes("memory")) continue;
    const root = isV2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const file = isV2 ? LIMIT_FILES.v2 : LIMIT_FILES.v1;
    // In a container the path may be the host's, and only the root be there.
    for (let group = path;; group = group.slice(0, group.lastIndexOf("/"))) {
      const limit = Number(read(`${root}${group === "/" ? "" : group}/${file}`)?.trim() || NaN);
      // "max" in version 2; in version 1 no limit is a number beyond all machines.
      if (limit > 0) limits.push(limit);
      if (group === "" || group === "/") break;
    }
  }
  return limits;
}

function totalMemory(): number | undefined {
  try {
    return Deno.systemMemoryInfo().total;
  } catch {
    // Not permitted: the control group's limit has to do.
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Another system, or not permitted.
    return undefined;
  }
}
