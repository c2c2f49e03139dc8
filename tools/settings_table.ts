/**
 * Writes the table of all settings in docs/configuration.md: `deno run -A tools/settings_table.ts`. A test
 * holds the page to the schema.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type Definition, DEFINITIONS } from "../config/schema.ts";

/** The page with the table. */
export const PAGE = new URL("../docs/configuration.md", import.meta.url);

/** Between these lines of the page is the table. */
const BEGIN = "<!-- settings: begin -->";
const END = "<!-- settings: end -->";

/** The table, as deno fmt leaves it apart from the widths of its columns. */
export function settingsTable(): string {
  const lines = ["| setting | values | default | meaning |", "| --- | --- | --- | --- |"];
  for (const [name, definition] of DEFINITIONS) {
    if (definition.noEffect === undefined) lines.push(row(name, definition));
  }
  return lines.join("\n");
}

/** The page with another table. */
export function withTable(page: string): string {
  const begin = page.indexOf(BEGIN) + BEGIN.length;
  const end = page.indexOf(END);
  if (begin < BEGIN.length || end < begin) throw new Error(`${PAGE} must have ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}\n\n${settingsTable()}\n\n${page.slice(end)}`;
}

function row(name: string, definition: Definition<unknown>): string {
  const { kind, default: value, description, alias, variable } = definition;
  const fallback = value === undefined || value === null ? "" : `\`${kind.write(value)}\``;
  const also = [
    ...(alias === undefined ? [] : [`Also \`${alias}\`.`]),
    ...(variable === undefined ? [] : [`Also as environment variable \`${variable}\`.`]),
  ];
  const cells = [`\`${name}\``, kind.label, fallback, [description, ...also].join(" ")];
  return `| ${cells.join(" | ")} |`;
}

if (import.meta.main) {
  await Deno.writeTextFile(PAGE, withTable(await Deno.readTextFile(PAGE)));
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", fileURLToPath(PAGE)],
  })
    .spawn().status;
  if (!success) Deno.exit(1);
}
