/**
 * Tables of Apache Arrow (`npm:apache-arrow`) travel as Arrow's own stream format, in one frame. Nothing is
 * loaded for it: the library is the copy that the user's program has, found when a table is met.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { AnyFunction } from "../../protocol/functions/definition.ts";
import { inspectFunction, inspectScript } from "../../protocol/functions/inspector.ts";
import { findRegistration, registerSerialization } from "../../protocol/registrations.ts";
import { functionName } from "../../protocol/values_kinds.ts";
import { packageFile } from "./module_names.ts";

/** What is used of the library. Classes, because they travel as imports of it. */
interface Arrow {
  Table: new (schema: unknown, batches: unknown) => object;
  RecordBatchStreamWriter: {
    writeAll(table: object): { toUint8Array(sync: true): Uint8Array<ArrayBuffer> };
  };
  RecordBatchReader: { from(bytes: Uint8Array): { readAll(): unknown[]; schema: unknown } };
}

/** Classes of that name that were looked at, and are no tables of Arrow's. */
const others = new WeakSet<AnyFunction>();

/**
 * Called for an instance of a class that nothing is known of: registers a serialization for it if it is
 * a table of Apache Arrow.
 *
 * @param instance The object.
 * @returns Whether there is a registered serialization now that there wasn't.
 */
export function registerKnownLibraries(instance: object): boolean {
  for (let at = Object.getPrototypeOf(instance); at !== null; at = Object.getPrototypeOf(at)) {
    const cls: unknown = Object.getOwnPropertyDescriptor(at, "constructor")?.value;
    if (typeof cls !== "function" || functionName(cls) !== "Table" || others.has(cls)) continue;
    if (findRegistration(instance) !== undefined) return false;
    if (registerTable(cls)) return true;
    others.add(cls);
  }
  return false;
}

/**
 * Called when a task is to import Arrow: it may make tables where there was none here. Without effect if this
 * program has not loaded the library, since then it has no use for tables.
 *
 * @param sources URLs of what was bundled.
 */
export function registerBundledArrow(sources: readonly string[]): void {
  const source = sources.find((url) => packageName(url) === "apache-arrow");
  if (source === undefined) return;
  const library = loadBeside(source, ".mjs");
  if (library === undefined) return;
  const isKnown = findRegistration(Object.create(library.Table.prototype)) !== undefined;
  if (!isKnown) register(library);
}

function registerTable(cls: AnyFunction): boolean {
  const url = scriptUrl(cls);
  if (url === undefined || packageName(url) !== "apache-arrow") return false;
  const library = loadBeside(url, url.endsWith(".mjs") ? ".mjs" : ".js");
  if (library?.Table !== cls) return false;
  register(library);
  return true;
}

function scriptUrl(cls: AnyFunction): string | undefined {
  const found = inspectFunction(cls, "the class Table");
  return found && inspectScript(found.scriptId)?.url;
}

function packageName(url: string): string | undefined {
  return packageFile(url)?.package.replace(/(?<=.)@.*/, "");
}

/** The library as it is loaded already: `require` of the same file gives the same module. */
function loadBeside(url: string, extension: string): Arrow | undefined {
  const { path } = packageFile(url)!;
  const entry = new URL(url.slice(0, url.length - path.length) + `Arrow.node${extension}`);
  try {
    return createRequire(entry)(fileURLToPath(entry));
  } catch (error) {
    // A package that this program does not import is not to be had in this way.
    if (/Could not find (?:referrer )?npm package|Cannot find module/.test(String(error))) {
      return undefined;
    }
    throw error;
  }
}

function register({ Table, RecordBatchStreamWriter, RecordBatchReader }: Arrow): void {
  registerSerialization(
    Table,
    (table: object) => [null, [RecordBatchStreamWriter.writeAll(table).toUint8Array(true)]],
    (_header: unknown, [bytes]: Uint8Array[]) => {
      const reader = RecordBatchReader.from(bytes);
      const batches = reader.readAll();
      return new Table(reader.schema, batches);
    },
  );
}
