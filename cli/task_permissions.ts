/**
 * The permissions of tasks, by Deno's own flag names: `--allow-net=api.example.com --deny-env`. What a
 * thread may is a list of what is allowed; Deno knows no exceptions to it. What `--deny-…` names is
 * therefore taken off that list, and where this cannot be done to the letter the flags are refused:
 * tasks never may more than was asked for.
 *
 * @module
 */
import { resolve } from "node:path";
import { type Command, joinedOption, Option, UsageError } from "./command_line.ts";

/** Kinds of permission, as Deno's flags name them, with what their lists hold and what they are for. */
const KINDS = {
  net: ["hosts", "Open network connections."],
  read: ["paths", "Read files."],
  write: ["paths", "Write files."],
  env: ["names", "Read and set environment variables."],
  sys: ["names", "Ask for facts of this machine, such as hostname."],
  run: ["programs", "Start programs, which then may do anything."],
  ffi: ["paths", "Load native libraries, which then may do anything."],
  import: ["hosts", "Import modules by URL (only where Dusk runs from source)."],
} as const;

/** A kind of permission. */
type Kind = keyof typeof KINDS;

/** A name, a star before one, an address, a network; the details are Deno's to check. */
const HOST = /^((\*\.)?[\p{L}\p{N}_.-]+|[\d.]+(\/\d+)?|\[[\da-f:.]+\])$/iu;

/** Everything, or a list. */
type Grant = true | string[];

/** Permissions by kind; those that are not there are not given. */
export type TaskPermissions = { [K in Kind]?: Grant };

/** Parsed flags, by the names that commander gives them. */
type PermissionFlags = { allowAll?: boolean } & { [flag: string]: unknown };

/**
 * Adds the flags to a command line, as a group of their own in its help.
 *
 * @param command The command line.
 * @param heading Title of the group.
 */
export function addPermissionFlags(command: Command, heading: string): void {
  command.optionsGroup(heading).option("-A, --allow-all", "Everything.");
  for (const [kind, [list, text]] of Object.entries(KINDS)) {
    command.addOption(joinedOption(`--allow-${kind} [=${list}]`, text));
  }
  command.addOption(
    new Option(
      "--deny-… [=list]",
      "Take away from what was allowed: --deny-net, --deny-read=/etc, …",
    ),
  );
  for (const kind of Object.keys(KINDS)) {
    command.addOption(
      joinedOption(`--deny-${kind} [=list]`, `Take away --allow-${kind}.`).hideHelp(),
    );
  }
}

/**
 * What tasks may do by these flags.
 *
 * @param flags The parsed flags of {@linkcode addPermissionFlags}.
 * @returns "inherit" for everything, "none", or what is allowed, by kind.
 * @throws {UsageError} When a list is malformed, or the denied cannot be taken off the allowed.
 */
export function taskPermissions(flags: PermissionFlags): "inherit" | "none" | TaskPermissions {
  const permissions: TaskPermissions = {};
  let all = flags.allowAll === true;
  for (const kind of Object.keys(KINDS) as Kind[]) {
    const denied = grantOf(flags, "deny", kind);
    const allowed = flags.allowAll === true ? true : grantOf(flags, "allow", kind);
    if (denied !== undefined) all = false;
    const left = withoutDenied(kind, allowed, denied);
    if (left !== undefined) permissions[kind] = left;
  }
  if (all) return "inherit";
  return Object.keys(permissions).length === 0 ? "none" : permissions;
}

function grantOf(flags: PermissionFlags, what: "allow" | "deny", kind: Kind): Grant | undefined {
  const name = `${what}${kind[0].toUpperCase()}${kind.slice(1)}`;
  const grant = flags[name] as Grant | undefined;
  if (grant === undefined || grant === true) return grant;
  if (grant.some((entry) => entry.trim() === "")) {
    throw new UsageError(
      `--${what}-${kind} has an empty entry: give a list such as --${what}-${kind}=a,b, or no "=" ` +
        "for all of them",
    );
  }
  for (const entry of grant) checkEntry(`--${what}-${kind}=${entry}`, kind, entry);
  // A child of the nanny may have another working folder one day; an absolute path means the same.
  const isPath = kind === "read" || kind === "write" || kind === "ffi";
  return [...new Set(isPath ? grant.map((path) => resolve(path)) : grant)];
}

/** Whether an entry is a host, where it should be: Deno would say so only when the first thread starts. */
function checkEntry(flag: string, kind: Kind, entry: string): void {
  if (kind !== "net" && kind !== "import") return;
  const [host, port = "0"] = splitPort(entry);
  if (Number(port) <= 65535 && HOST.test(host)) return;
  throw new UsageError(
    `${flag} must be a host, such as example.com, example.com:443, *.example.com, 10.0.0.1, ` +
      "10.0.0.0/8 or [::1]:80",
  );
}

/** What is left of the allowed; undefined: nothing. */
function withoutDenied(kind: Kind, allowed?: Grant, denied?: Grant): Grant | undefined {
  if (allowed === undefined || denied === true) return undefined;
  if (denied === undefined) return allowed;
  if (allowed === true) throw cannotTakeAway(kind, denied[0], `all that --allow-${kind} gives`);
  const left = allowed.filter((entry) => {
    for (const taken of denied) {
      const overlap = compare(kind, entry, taken);
      if (overlap === "within") return false;
      if (overlap === "unclear") throw cannotTakeAway(kind, taken, `--allow-${kind}=${entry}`);
    }
    return true;
  });
  return left.length === 0 ? undefined : left;
}

function cannotTakeAway(kind: Kind, denied: string, from: string): UsageError {
  return new UsageError(
    `--deny-${kind}=${denied} cannot be taken off ${from}, since threads of Deno know no exceptions: ` +
      `list what tasks may with --allow-${kind}=…, or take all of it with --deny-${kind}`,
  );
}

/** How an allowed entry lies to a denied one: all of it denied, nothing, or something between. */
type Overlap = "within" | "apart" | "unclear";

function compare(kind: Kind, allowed: string, denied: string): Overlap {
  switch (kind) {
    case "read":
    case "write":
    case "ffi":
      if (isInside(allowed, denied)) return "within";
      return isInside(denied, allowed) ? "unclear" : "apart";
    case "net":
    case "import":
      return compareHosts(allowed.toLowerCase(), denied.toLowerCase());
    case "env":
      if (allowed === denied) return "within";
      return /\*/.test(allowed + denied) || allowed.toUpperCase() === denied.toUpperCase()
        ? "unclear"
        : "apart";
    case "sys":
      return allowed === denied ? "within" : "apart";
    case "run":
      if (allowed === denied) return "within";
      // A name is looked up in PATH, and may come out as the path.
      return isPlainName(allowed) && isPlainName(denied) ? "apart" : "unclear";
  }
}

/** Whether a path is a folder or something in it. Both are absolute. */
function isInside(path: string, folder: string): boolean {
  const separator = Deno.build.os === "windows" ? "\\" : "/";
  return path === folder || path.startsWith(folder.replace(/[\\/]$/, "") + separator);
}

function compareHosts(allowed: string, denied: string): Overlap {
  if (allowed === denied) return "within";
  const [allowedHost, allowedPort] = splitPort(allowed);
  const [deniedHost, deniedPort] = splitPort(denied);
  if (allowedHost === deniedHost) {
    if (deniedPort === undefined) return "within";
    return allowedPort === undefined ? "unclear" : "apart";
  }
  // A name may stand for an address, a pattern for a name.
  return isHostName(allowedHost) && isHostName(deniedHost) ? "apart" : "unclear";
}

/** Host and port of "host:port"; an IPv6 address with a port is in brackets. */
function splitPort(text: string): [host: string, port: string | undefined] {
  const match = text.match(/^(\[[^\]]*\]|[^:]*):(\d+)$/);
  return match === null ? [text, undefined] : [match[1], match[2]];
}

function isHostName(text: string): boolean {
  return /^[a-z0-9_.-]*[a-z_][a-z0-9_-]*\.?$/.test(text);
}

function isPlainName(text: string): boolean {
  return !/[\\/]/.test(text);
}
