/**
 * The functions that a thread knows: their code as it came, compiled when first called.
 *
 * @module
 */
import type { Serialized } from "../../protocol/serialized.ts";
import { deserialize } from "../../protocol/values.ts";

/** What the code of a function decodes to. */
export interface FunctionCode {
  /** JavaScript. */
  source: string;
  /** The function's name, for stacks; of a method, what it is called in its object. */
  name: string;
  /** "expression": `(source)` is the function; "method": `({ source })[name]` is. */
  kind: "expression" | "method";
}

/** A function as tasks call it. */
export type TaskFunction = (...args: unknown[]) => unknown;

/** The code of a function is not what it should be. */
export class FunctionCodeError extends Error {
  override readonly name = "FunctionCodeError";
}

// An alias makes the eval indirect: code sees the globals only.
const evaluate = eval;

function isFunctionCode(value: unknown): value is FunctionCode {
  if (typeof value !== "object" || value === null) return false;
  const { source, name, kind } = value as Record<string, unknown>;
  return typeof source === "string" && typeof name === "string" &&
    (kind === "expression" || kind === "method");
}

/**
 * Makes a function of its code, in strict mode. Its frames in stacks are of `dusk:///<name>`.
 *
 * @throws {FunctionCodeError} When the code is malformed or gives no function.
 * @throws {SyntaxError} When the source does not parse.
 */
export function compileFunction(code: unknown): TaskFunction {
  if (!isFunctionCode(code)) {
    throw new FunctionCodeError(
      "A function's code must decode to { source, name, kind: 'expression' or 'method' }",
    );
  }
  const { source, name, kind } = code;
  const expression = kind === "expression"
    ? `(${source}\n)`
    : `({${source}\n})[${JSON.stringify(name)}]`;
  const url = `dusk:///${encodeURIComponent(name || "anonymous")}`;
  const value: unknown = evaluate(`"use strict";${expression}\n//# sourceURL=${url}`);
  if (typeof value !== "function") {
    throw new FunctionCodeError(
      `The code of function '${name}' (${kind}) gives ${
        value === null ? "null" : typeof value
      }, not a function`,
    );
  }
  return value as TaskFunction;
}

/** The functions of one thread by their number. */
export class TaskFunctions {
  readonly #code = new Map<number, Serialized>();
  readonly #compiled = new Map<number, TaskFunction>();

  /** Keeps the code of a function. */
  learn(id: number, code: Serialized): void {
    this.#code.set(id, code);
  }

  /** Drops functions that are not called any more. */
  forget(ids: readonly number[]): void {
    for (const id of ids) {
      this.#code.delete(id);
      this.#compiled.delete(id);
    }
  }

  /**
   * The function of that number; one that did not compile is tried anew by each task.
   *
   * @throws Whatever compiling throws.
   */
  get(id: number): TaskFunction {
    let compiled = this.#compiled.get(id);
    if (compiled === undefined) {
      const code = this.#code.get(id);
      if (code === undefined) throw new FunctionCodeError(`Function ${id} was never sent`);
      compiled = compileFunction(deserialize(code));
      this.#compiled.set(id, compiled);
      this.#code.delete(id);
    }
    return compiled;
  }
}
