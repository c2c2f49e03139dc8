/**
 * Source maps of scripts that this program runs as JavaScript that was made elsewhere, such as bundles:
 * where they are known, functions of them show their places in their authors' files.
 *
 * @module
 */
import type { SourceMap } from "./source_map.ts";

const maps = new Map<string, SourceMap>();

/**
 * Makes a script's source map known.
 *
 * @param url URL of the script.
 * @param map Its source map.
 */
export function useSourceMap(url: string, map: SourceMap): void {
  maps.set(url, map);
}

/**
 * The source map of a script.
 *
 * @param url URL of the script.
 * @returns Undefined: none is known, as usual.
 */
export function sourceMapOf(url: string): SourceMap | undefined {
  return maps.get(url);
}
