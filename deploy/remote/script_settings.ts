/**
 * What a script's process learns before the script begins: it comes as the first bytes of its standard
 * input, so that no secret is on a command line or in the environment. What follows is the script's own.
 *
 * @module
 */
import { useSettings } from "../../config/configure.ts";
import { pathToFileURL } from "node:url";
import { settingsFrom } from "../../config/settings.ts";
import { SourceMap } from "../../protocol/functions/source_map.ts";
import { useSourceMap } from "../../protocol/functions/script_maps.ts";
import { MAX_SCRIPT_BYTES } from "./messages.ts";
import type { ScriptSettings } from "./script_command.ts";

/** Bytes of the length that comes first, little-endian. */
const LENGTH_BYTES = 4;
/** Most bytes of the settings: with a source map as text in JSON. */
const MAX_BYTES = 2 * MAX_SCRIPT_BYTES;
/** Milliseconds between two looks at whether whoever started this process is still there. */
const PARENT_INTERVAL = 1000;

/**
 * Writes the settings.
 *
 * @param settings The settings.
 * @returns The bytes to begin the standard input with.
 * @throws {RangeError} When they are too long.
 */
export function encodeSettings(settings: ScriptSettings): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify(settings));
  if (json.length > MAX_BYTES) {
    throw new RangeError(`settings and arguments of a script take more than ${MAX_BYTES} bytes`);
  }
  const bytes = new Uint8Array(LENGTH_BYTES + json.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}

/**
 * Reads them, and not a byte more.
 *
 * @throws {Error} When they are not there.
 */
export function readSettings(): ScriptSettings {
  const length = new DataView(readExactly(LENGTH_BYTES).buffer).getUint32(0, true);
  if (length > MAX_BYTES) throw new Error("these are no settings of a script");
  return JSON.parse(new TextDecoder().decode(readExactly(length)));
}

function readExactly(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length;) {
    const count = Deno.stdin.readSync(bytes.subarray(at));
    if (count === null) throw new Error("standard input ended before the settings of the script");
    at += count;
  }
  return bytes;
}

/** What a script is known by in the thread that runs it. */
export interface KnownScript {
  url: string;
  /** Undefined: the script is what its author wrote. */
  map: SourceMap | undefined;
}

/**
 * Has Dusk in this thread go by the settings that came.
 *
 * @param script The settings.
 * @returns The script.
 */
export async function applySettings(script: ScriptSettings): Promise<KnownScript> {
  await useSettings(settingsFrom(script.settings, "dusk-remote"));
  const url = pathToFileURL(script.file).href;
  if (script.sourceMap === "") return { url, map: undefined };
  const { sources, mappings } = JSON.parse(script.sourceMap);
  const map = new SourceMap(sources, mappings);
  useSourceMap(url, map);
  return { url, map };
}

/** From now on end this process soon after whoever started it has died, however suddenly. */
export function endWithParent(): void {
  if (Deno.build.os === "windows") return; // There it keeps a parent that is gone.
  const parent = Deno.ppid;
  const timer = setInterval(() => {
    if (Deno.ppid !== parent) Deno.exit(1);
  }, PARENT_INTERVAL);
  Deno.unrefTimer(timer);
}
