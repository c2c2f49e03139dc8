/**
 * How a script's process is started: from source `deno run` with the permissions as flags; a compiled
 * program is started again, and has a thread with these permissions run the script.
 *
 * @module
 */
import { denoRun } from "../../worker/deno_program.ts";

/** Kinds of permission. */
export const PERMISSION_KINDS = [
  "net",
  "read",
  "write",
  "env",
  "sys",
  "run",
  "ffi",
  "import",
] as const;

/** Permissions by kind: all, or a list; those that are not there are not given. */
export type PermissionList = { [K in (typeof PERMISSION_KINDS)[number]]?: true | string[] };

/** What scripts may do: everything, nothing but reach the cluster, or that and a list. */
export type ScriptPermissions = "inherit" | "none" | PermissionList;

/** The only argument that a compiled program is started with to run a script; more are the script's. */
export const SCRIPT_ARGUMENT = "--run-script";

/** What a script's process gets to know before the script begins, as JSON. */
export interface ScriptSettings {
  /** File with the script. */
  file: string;
  /** Name of the script. */
  name: string;
  /** Its arguments. */
  args: string[];
  /** Source map, as JSON; "": the script is what its author wrote. */
  sourceMap: string;
  /** Settings that it goes by. */
  settings: Record<string, unknown>;
  /** What it may do. */
  permissions: "inherit" | PermissionList;
}

/**
 * What a script needs beyond what it was allowed, to reach the cluster.
 *
 * @param permissions What it was allowed.
 * @param needed Hosts with ports to connect to, and files to read.
 */
export function withNeeded(
  permissions: ScriptPermissions,
  needed: { net: string[]; read: string[] },
): "inherit" | PermissionList {
  if (permissions === "inherit") return "inherit";
  const given = permissions === "none" ? {} : permissions;
  const merged: PermissionList = { ...given };
  // A function's variables are seen by V8's inspector.
  for (const [kind, list] of Object.entries({ ...needed, sys: ["inspector"] })) {
    const name = kind as "net" | "read" | "sys";
    const before = given[name];
    if (before === true || list.length === 0) continue;
    merged[name] = [...new Set([...before ?? [], ...list])];
  }
  return merged;
}

/** URL of the `mod.ts` that scripts import. */
export const duskUrl: string = new URL("../../mod.ts", import.meta.url).href;

/**
 * The command that runs a script.
 *
 * @param settings What to run.
 * @returns The program, and its arguments.
 * @throws {TypeError} When a path that it may use cannot be told to Deno.
 */
export function scriptCommand({ file, args, permissions }: ScriptSettings): string[] {
  if (Deno.build.standalone) return [Deno.execPath(), SCRIPT_ARGUMENT];
  return [
    ...denoRun(),
    ...permissionFlags(permissions),
    file,
    ...args,
  ];
}

/** What `--allow-sys` can name: all but the inspector, which `deno run` gives with everything only. */
const SYSTEM_FACTS = [
  ...["hostname", "osRelease", "osUptime", "loadavg", "networkInterfaces", "systemMemoryInfo"],
  ...["uid", "gid", "username", "cpus", "homedir", "getegid", "statfs", "getPriority"],
  ...["setPriority", "userInfo"],
];

function permissionFlags(permissions: "inherit" | PermissionList): string[] {
  if (permissions === "inherit") return ["--allow-all"];
  const flags = PERMISSION_KINDS.filter((kind) => kind !== "import").flatMap((kind) => {
    const list = permissions[kind];
    if (list === undefined) return [];
    if (list === true) return [`--allow-${kind}`];
    if (kind !== "sys") return [`--allow-${kind}=${joined(kind, list)}`];
    return ["--allow-sys", `--deny-sys=${SYSTEM_FACTS.filter((name) => !list.includes(name))}`];
  });
  // Dusk itself may come from a host of its own.
  const { protocol, host } = new URL(duskUrl);
  const own = protocol === "file:" ? [] : [host];
  const { import: hosts = [] } = permissions;
  if (hosts === true) return [...flags, "--allow-import"];
  const all = [...own, ...hosts];
  return all.length === 0 ? flags : [...flags, `--allow-import=${all.join(",")}`];
}

/** A list as Deno's flags take it: a comma in an entry would make two of it, with more than was asked for. */
function joined(kind: string, list: string[]): string {
  const broken = list.find((entry) => entry.includes(","));
  if (broken !== undefined) {
    throw new TypeError(
      `${JSON.stringify(broken)} has a comma, so --allow-${kind} of Deno cannot name it: ` +
        "give that folder or file another name",
    );
  }
  return list.join(",");
}
