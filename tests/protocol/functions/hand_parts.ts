/**
 * Parts made by hand, of functions whose variables a test names: what the linker gets, without capture.
 *
 * @module
 */
import type { AnyFunction } from "../../../protocol/functions/definition.ts";
import { Linker, type LinkerOptions } from "../../../protocol/functions/linker.ts";
import { ThreadCodeWriter } from "../../../protocol/functions/thread_code_writer.ts";
import type { CodePart } from "../../../protocol/messages.ts";
import type { Serialized } from "../../../protocol/serialized.ts";
import { tokenize } from "../../../protocol/tokenize.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import { FakeCode } from "../fake_code.ts";

/** Where a module begins, as a bundler writes it. */
export const HEAD = `(function($builtin, $meta, $link){"use strict";`;

/** A linker, and a sender of code to it. */
export class HandParts {
  readonly code: FakeCode = new FakeCode();
  readonly linker: Linker;
  readonly #writer: ThreadCodeWriter;

  constructor(options: Partial<LinkerOptions> = {}) {
    this.linker = new Linker({ runtime: {}, ...options });
    this.#writer = new ThreadCodeWriter(this.linker);
  }

  /** Makes a part, and has the linker learn it; returns its name. */
  learn(letter: string, value: unknown, origin?: unknown): string {
    const { name, part } = this.make(letter, value, origin);
    this.linker.learn(name, part);
    return name;
  }

  /** Makes a part. */
  make(letter: string, value: unknown, origin?: unknown): { name: string; part: CodePart } {
    const code = serialize(value, { code: this.code });
    const part: CodePart = { code };
    if (origin !== undefined) part.origin = serialize(origin);
    return { name: `${letter}${tokenize(code)}`, part };
  }

  /** A module's part, of what stands in its function. */
  module(
    body: string,
    { isAsync = false, url = "file:///lib.ts", origin = undefined as unknown } = {},
  ): string {
    const source = (isAsync ? HEAD.replace("(", "(async ") : HEAD) + `${body}})`;
    return this.learn("m", { url, source, isAsync }, origin);
  }

  /** A class's part; from now on values refer to the class by it. */
  class(cls: AnyFunction): string {
    const part = this.learn("c", cls);
    this.code.part(cls, part);
    return part;
  }

  /** Sends a function as a part; gives the live one. */
  // deno-lint-ignore no-explicit-any
  function(fn: AnyFunction): (...args: any[]) => any {
    // deno-lint-ignore no-explicit-any
    return this.linker.function(this.learn("f", fn)) as any;
  }

  /** Sends a value, as an argument is sent. */
  value<T>(value: T): T {
    return deserialize(serialize(value, { code: this.code }), { code: this.linker }) as T;
  }

  /** Sends a value back, as a result is; with what it needs. */
  result(value: unknown): { encoded: Serialized; value: unknown; needs: string[] | undefined } {
    this.#writer.begin();
    const encoded = serialize(value, { name: "result", code: this.#writer });
    const { needs } = this.#writer;
    return { encoded, value: deserialize(encoded, { code: this.linker }), needs };
  }
}
