/**
 * Settings in YAML files. The only module that knows the YAML parser; it is loaded when there is a
 * file to read.
 *
 * @module
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "npm:yaml@2.9.1";
import { ConfigError } from "./config_error.ts";
import type { Entry, Layer } from "./layers.ts";
import { DEFINITIONS } from "./schema.ts";
import { findSetting, partsBelow, unknownName } from "./setting_names.ts";
import { FileContentError, readSmallFile } from "./small_file.ts";

/** A larger file is none of settings. */
const MOST_BYTES = 256 * 1024;
/** How deep the parts of a file may lie in each other. */
const DEEPEST = 20;
/** How many values a file may have; what an alias stands for counts each time. */
const MOST_VALUES = 10_000;

/**
 * Reads a file.
 *
 * @param file Its path.
 * @returns What it says.
 * @throws {ConfigError} When it cannot be read, is no YAML, or has names that no setting has.
 */
export async function readYamlFile(file: string): Promise<Layer> {
  const text = await readText(file);
  const entries = new YamlReader(file, text).read();
  const folder = /^(.*)[/\\][^/\\]*$/.exec(file);
  return { entries, folder: folder === null ? undefined : folder[1] || "/" };
}

async function readText(file: string): Promise<string> {
  try {
    return await readSmallFile(file, MOST_BYTES);
  } catch (error) {
    const what = error instanceof FileContentError
      ? `this is no file of settings: it ${error.message}`
      : `the file cannot be read: ${(error as Error).message}`;
    throw new ConfigError(file, what, { cause: error });
  }
}

/** Reads one document, and knows the line of everything in it. */
class YamlReader {
  readonly #file: string;
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #entries: Entry[] = [];
  #values = 0;
  #resolve: (node: unknown) => unknown = (node) => node;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  read(): Entry[] {
    let document;
    try {
      document = parseDocument(this.#text, { lineCounter: this.#lines, prettyErrors: false });
    } catch (error) {
      // The parser calls itself for each level: some thousand levels are too many for the stack.
      throw new ConfigError(this.#file, `it is no YAML of settings: ${(error as Error).message}`);
    }
    const [trouble] = [...document.errors, ...document.warnings];
    if (trouble !== undefined) {
      throw new ConfigError(this.#place(trouble.pos[0]), `this is no YAML: ${trouble.message}`);
    }
    this.#resolve = (node) => isAlias(node) ? node.resolve(document) : node;
    this.#section(document.contents, "", 0);
    return this.#entries;
  }

  /** Reads a map of settings, or of further maps of settings. */
  #section(given: unknown, section: string, depth: number): void {
    const node = this.#enter(given, depth);
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) {
      const what = section === "" ? "the settings" : section;
      const parts = partsBelow(section).slice(0, 6).join(", ");
      throw new ConfigError(this.#placeOf(given), `${what} must be a map with ${parts}, …`);
    }
    for (const { key, value } of node.items) {
      const last = isScalar(key) ? String(key.value) : "";
      const name = section === "" ? last : `${section}.${last}`;
      const setting = findSetting(name);
      if (setting !== undefined) this.#setting(setting, name, key, value, depth);
      else if (last !== "" && partsBelow(name).length > 0) this.#section(value, name, depth + 1);
      else throw new ConfigError(this.#placeOf(key), unknownName(name));
    }
  }

  #setting(
    name: Entry["name"],
    written: string,
    key: unknown,
    value: unknown,
    depth: number,
  ): void {
    const { kind } = DEFINITIONS.get(name)!;
    const node = this.#resolve(value);
    const at = this.#positionOf(value ?? key);
    const raw = this.#plain(value, depth + 1, kind.isText === true);
    const origin = `${this.#file}:${at.line}`;
    const origins: Record<string, string> = {};
    if (kind.entries && isMap(node)) {
      for (const item of node.items) {
        if (isScalar(item.key)) {
          origins[String(item.key.value)] = `${this.#file}:${this.#positionOf(item.key).line}`;
        }
      }
    }
    this.#entries.push({ name, written, raw, place: `${origin}:${at.column}`, origin, origins });
  }

  /** A value as JavaScript has it. */
  #plain(given: unknown, depth: number, asText: boolean): unknown {
    const node = this.#enter(given, depth);
    if (node === null) return null;
    if (isScalar(node)) {
      const isWritten = typeof node.value === "number" || typeof node.value === "boolean";
      return asText && isWritten ? node.source ?? String(node.value) : node.value;
    }
    if (isSeq(node)) return node.items.map((item) => this.#plain(item, depth + 1, asText));
    if (!isMap(node)) throw new ConfigError(this.#placeOf(given), "this is no value of a setting");
    const entries = node.items.map(({ key, value }) => [
      isScalar(key) ? String(key.value) : "",
      this.#plain(value, depth + 1, asText),
    ]);
    return Object.fromEntries(entries);
  }

  /** Counts a value, so that a few lines of aliases do not become millions of values. */
  #enter(given: unknown, depth: number): unknown {
    if (++this.#values > MOST_VALUES || depth > DEEPEST) {
      const what = depth > DEEPEST ? `${DEEPEST} levels` : `${MOST_VALUES} values`;
      throw new ConfigError(this.#placeOf(given), `the file has more than ${what}`);
    }
    const node = this.#resolve(given);
    if (node === undefined && isAlias(given)) {
      throw new ConfigError(
        this.#placeOf(given),
        `nothing before it has the anchor &${given.source}`,
      );
    }
    return node ?? null;
  }

  #positionOf(node: unknown): { line: number; column: number } {
    return this.#position((node as Node | null)?.range?.[0] ?? 0);
  }

  #placeOf(node: unknown): string {
    return this.#place((node as Node | null)?.range?.[0] ?? 0);
  }

  #place(offset: number): string {
    const { line, column } = this.#position(offset);
    return `${this.#file}:${line}:${column}`;
  }

  #position(offset: number): { line: number; column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }
}
