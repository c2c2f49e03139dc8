/**
 * Sends functions the whole way in one process: captured, encoded, linked as a thread does it.
 *
 * @module
 */
import {
  Capture,
  type ModuleResolver,
  type ResolvedModule,
} from "../../../protocol/functions/capture.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import { FunctionError } from "../../../protocol/functions/function_error.ts";
import { Linker } from "../../../protocol/functions/linker.ts";
import type { CodePart } from "../../../protocol/messages.ts";
import { tokenize } from "../../../protocol/tokenize.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";

/** Finds the modules that a test says there are: their text by specifier. */
export class TestModules implements ModuleResolver {
  /** What was asked for. */
  readonly asked: [specifier: string, referrer: string][] = [];
  readonly #sources: Readonly<Record<string, string>>;
  readonly #uploaded: readonly string[];

  /** @param sources Bodies that return the module's exports. @param uploaded Names of uploaded modules. */
  constructor(sources: Readonly<Record<string, string>> = {}, uploaded: readonly string[] = []) {
    this.#sources = sources;
    this.#uploaded = uploaded;
  }

  resolve(specifier: string, referrer: string): ResolvedModule {
    this.asked.push([specifier, referrer]);
    if (specifier.startsWith("node:")) return { module: specifier };
    if (specifier.endsWith("/mod.ts")) return { module: "dusk:" };
    const body = this.#sources[specifier];
    if (body === undefined) {
      throw new FunctionError(`there is no module "${specifier}" in this test`);
    }
    const source = `(function ($builtin, $meta) { "use strict"; ${body} })`;
    const code = serialize({ url: specifier, source, isAsync: false });
    return { module: `m${tokenize(code)}`, part: { code } };
  }

  isUploaded(specifier: string): boolean {
    return this.#uploaded.includes(specifier);
  }
}

/** A linker that has some parts. */
export function linkerOf(parts: ReadonlyMap<string, CodePart>): Linker {
  const linker = new Linker({ runtime: { getWorker: () => "this worker" } });
  for (const [name, part] of parts) linker.learn(name, part);
  return linker;
}

/** Capture a function and make it live again, as if elsewhere. */
export function travel<F extends AnyFunction>(fn: F, modules = new TestModules()): F {
  const { part, parts } = new Capture(modules).function(fn);
  return linkerOf(parts).function(part) as F;
}

/** Encode a value with the code in it, and decode it, as if elsewhere. */
export function travelValue<T>(value: T, modules = new TestModules()): T {
  const writer = new Capture(modules).writer();
  const encoded = serialize(value, { code: writer });
  return deserialize(encoded, { code: linkerOf(writer.parts) }) as T;
}

/** Names of a function's part. */
export function partOf(fn: AnyFunction, modules = new TestModules()): string {
  return new Capture(modules).function(fn).part;
}
