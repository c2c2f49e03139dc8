/**
 * From a name as somebody wrote it to the setting that it means, or to the one that it may have been
 * meant to be.
 *
 * @module
 */
import { ALIASES, DEFINITIONS } from "./schema.ts";
import type { SettingName } from "./setting_values.ts";

/** Names further from each other than this are no slips of the pen. */
const FARTHEST = 3;
/** How many names are offered at most. */
const MOST_HINTS = 3;
/** Of a name this long at most is looked at. */
const LONGEST_NAME = 100;

/**
 * Finds a setting.
 *
 * @param name Its name, or Dask's flat one.
 * @returns The setting's name; undefined: there is none.
 */
export function findSetting(name: string): SettingName | undefined {
  return DEFINITIONS.has(name) ? name as SettingName : ALIASES.get(name);
}

/**
 * What there is below a name: `tls` has `ca-file`, `ciphers`, `scheduler`, ….
 *
 * @param section The name; empty: the top.
 * @returns The parts that can follow, each once; none: it is no section.
 */
export function partsBelow(section: string): string[] {
  const prefix = section === "" ? "" : `${section}.`;
  const parts = new Set<string>();
  for (const name of DEFINITIONS.keys()) {
    if (name.startsWith(prefix)) parts.add(name.slice(prefix.length).split(".")[0]);
  }
  return [...parts];
}

/**
 * A name that does not exist, with a hint at what may have been meant.
 *
 * @param name The name.
 * @param spell How names are written where it stands, such as that of an environment variable.
 * @returns What to say of it.
 */
export function unknownName(name: string, spell: (name: string) => string = String): string {
  const shown = JSON.stringify(spell(name.slice(0, LONGEST_NAME)));
  const nearest = nearestNames(name);
  const hint = nearest.length === 0
    ? "see docs/configuration.md for all there are"
    : `did you mean ${nearest.map(spell).join(" or ")}?`;
  return `there is no setting ${shown}; ${hint}`;
}

function nearestNames(name: string): string[] {
  if (name.length > LONGEST_NAME) return [];
  const plain = name.toLowerCase().replaceAll("_", "-");
  const names = new Set<string>();
  for (const known of DEFINITIONS.keys()) {
    const parts = known.split(".");
    for (let i = 1; i <= parts.length; i++) names.add(parts.slice(0, i).join("."));
  }
  let best: string | undefined;
  let least = FARTHEST + 1;
  for (const known of [...names, ...ALIASES.keys()]) {
    const distance = editDistance(plain, known);
    // A short name is not like another one just because it has few letters to differ in.
    if (distance < least && distance < known.length / 2) [best, least] = [known, distance];
  }
  if (best !== undefined) return [best];
  // The right word at the wrong level: `port`, or `client.compression`.
  const last = plain.slice(plain.lastIndexOf(".") + 1);
  return [...names].filter((known) => `.${known}`.endsWith(`.${last}`)).slice(0, MOST_HINTS);
}

/** How many letters have to be put in, taken out or changed to make one text of the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const change = row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[to.length];
}
