/**
 * All settings as YAML that can be read again, with the place that each comes from.
 *
 * @module
 */
import { type Kind, writeText } from "./kinds.ts";
import { placePath } from "./layers.ts";
import { DEFINITIONS } from "./schema.ts";
import type { SettingName } from "./setting_values.ts";
import type { Settings } from "./settings.ts";

/** Where the origins stand, behind values that are not longer. */
const WIDTH = 40;

/** A name, and what stands below it, or its value as YAML with where it comes from. */
type Branch = Map<string, Branch | Leaf>;

interface Leaf {
  readonly yaml: string;
  readonly origin: string;
  /** Whether the line must not be read again. */
  readonly isComment?: boolean;
}

/**
 * Writes settings.
 *
 * @param settings The settings.
 * @returns YAML with a line for each; secrets are left out, those that do nothing as well, unless they
 * were set. Paths are absolute, so that a file of them means the same in any folder.
 */
export function printSettings(settings: Settings): string {
  const top: Branch = new Map();
  for (const name of DEFINITIONS.keys()) {
    const branch = branchOf(settings, name as SettingName);
    if (branch === undefined) continue;
    const path = name.split(".");
    const last = path.pop()!;
    let section = top;
    for (const part of path) {
      if (!section.has(part)) section.set(part, new Map());
      section = section.get(part) as Branch;
    }
    section.set(last, branch);
  }
  const lines: [yaml: string, origin: string][] = [];
  addLines(lines, top, "");
  return lines.map(([yaml, origin]) =>
    origin === "" ? `${yaml}\n` : `${yaml.padEnd(WIDTH)}  # ${origin}\n`
  ).join("");
}

function branchOf(settings: Settings, name: SettingName): Branch | Leaf | undefined {
  const { kind, isSecret, noEffect } = DEFINITIONS.get(name)!;
  const value: unknown = settings[name];
  const origin = settings.origin(name);
  if (noEffect !== undefined) {
    if (settings.rank(name) === 0) return undefined;
    return { yaml: yamlOf(kind, value), origin: `${origin}, without effect` };
  }
  if (isSecret && value !== undefined) return { yaml: "(not shown)", origin, isComment: true };
  if (!kind.entries || Object.keys(value as object).length === 0) {
    return { yaml: yamlOf(kind, value), origin };
  }
  const entries = Object.entries(value as Record<string, unknown>).map(([key, item]) =>
    [
      writeText(key),
      { yaml: String(item), origin: settings.origin(name, key) },
    ] as const
  );
  return new Map(entries);
}

function yamlOf(kind: Kind<NonNullable<unknown>>, value: unknown): string {
  if (value === undefined || value === null) return "null";
  return kind.write(kind.isPath ? absolute(value as string | readonly string[]) : value);
}

function absolute(value: string | readonly string[]): string | string[] {
  const folder = Deno.cwd();
  return typeof value === "string"
    ? placePath(value, folder)
    : value.map((path) => placePath(path, folder));
}

function addLines(lines: [string, string][], branch: Branch, indent: string): void {
  for (const [name, below] of branch) {
    if (below instanceof Map) {
      lines.push([`${indent}${name}:`, ""]);
      addLines(lines, below, `${indent}  `);
    } else {
      const comment = below.isComment ? "# " : "";
      lines.push([`${indent}${comment}${name}: ${below.yaml}`, oneLine(below.origin)]);
    }
  }
}

/** A path may have any characters; the comment ends with its line. */
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, "?");
}
