/**
 * Has the stacks of errors show a script's original places: Deno does that by itself for programs that
 * it runs from source, but not in compiled ones.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { SourceMap } from "../../protocol/functions/source_map.ts";

/** What has a meaning in regular expressions. */
const SYNTAX = /[\\^$.*+?()[\]{}|]/g;

/**
 * From now on show them.
 *
 * @param url URL of the script.
 * @param map Its source map.
 */
export function mapStacks(url: string, map: SourceMap): void {
  // Frames have a file's path, or its URL.
  const names = [url, fileURLToPath(url)].map((name) => name.replace(SYNTAX, "\\$&"));
  const place = new RegExp(`(?:${names.join("|")}):(\\d+):(\\d+)`, "g");
  Error.prepareStackTrace = (error, sites) => {
    const frames = sites.map((site) => `\n    at ${site}`).join("").replace(
      place,
      (found, line, column) => {
        const original = map.place(Number(line) - 1, Number(column) - 1);
        if (original === undefined) return found;
        return `${original.file}:${original.line}:${original.column}`;
      },
    );
    return headOf(error) + frames;
  };
}

function headOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return "Error"; // Its own toString does not work.
  }
}
