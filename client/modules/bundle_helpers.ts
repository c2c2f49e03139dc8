/**
 * The bundler's own functions, such as `__export`. It puts them into whichever file comes handy, which
 * depends on all that is bundled. So each script gets those that it uses, and no more.
 *
 * @module
 */
import { MODULE, type ReadFile } from "./bundle_file.ts";
import type { BundleLinks, Declared } from "./bundle_links.ts";

/** What the bundler imports for its `__require`, which is `$builtin` here. */
export const BUNDLERS = /^__deno_internal_createRequire\d*$/;
const REQUIRE = /^var (__require\d*) = __deno_internal_createRequire\d*\(/;

/**
 * A declaration of the helpers that a file uses.
 *
 * @param file The file. @param links All files. @param builtin What stands for `require`.
 * @returns `{name:local}=…`, undefined where it uses none.
 */
export function helperCode(
  file: ReadFile,
  links: BundleLinks,
  builtin: string,
): string | undefined {
  const used: [local: string, declared: Declared][] = [];
  const add = (local: string) => {
    const declared = links.declared(file, local);
    if (declared.file.helpers.has(declared.local)) used.push([local, declared]);
  };
  for (const local of file.imported.keys()) add(local);
  const own = [...file.helpers.keys()].filter((name) => isUsed(name, file));
  for (const name of own) add(name);
  if (used.length === 0) return undefined;
  used.sort(([a], [b]) => a < b ? -1 : 1);
  const texts = new Map<string, string>();
  for (const [, declared] of used) collect(declared, links, builtin, texts);
  const names = used.map(([local, { local: name }]) => name === local ? name : `${name}:${local}`);
  const given = new Set(used.map(([, { local }]) => local));
  return `{${names.join(",")}}=(()=>{${[...texts.values()].join("")}return{${
    [...given].join(",")
  }};})()`;
}

/** Texts of a helper and of those that it uses, these first. */
function collect(
  { file, local }: Declared,
  links: BundleLinks,
  builtin: string,
  texts: Map<string, string>,
): void {
  if (texts.has(local)) return;
  const { text, words } = file.helpers.get(local)!;
  const required = REQUIRE.exec(text);
  if (required !== null) {
    texts.set(local, `var ${local} = ${builtin};`);
    return;
  }
  // Nothing twice, and no end where they use each other.
  texts.set(local, "");
  for (const word of [...words].sort()) {
    if (word === local || (!file.helpers.has(word) && !file.imported.has(word))) continue;
    const declared = links.declared(file, word);
    if (!declared.file.helpers.has(declared.local)) continue;
    collect(declared, links, builtin, texts);
    if (declared.local !== word) texts.set(word, `var ${word}=${declared.local};`);
  }
  texts.delete(local);
  texts.set(local, text);
}

/** Whether a helper that stands in a file is used by the modules in it. */
function isUsed(name: string, { file, removed, exports }: ReadFile): boolean {
  if (exports.get(MODULE) === name) return true;
  const text = new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`, "g");
  for (const { index } of file.code.matchAll(text)) {
    if (!removed.some(({ start, end }) => start <= index && index < end)) return true;
  }
  return false;
}
