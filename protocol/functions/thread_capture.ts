/**
 * Takes the functions of a running task apart again, for a task that submits others: those that came to
 * the thread, and those that the task makes. Without an inspector, which takes a permission: code that
 * came is known, and code that launches tasks hands out what the functions that it makes close over.
 *
 * @module
 */
import type { CodePart } from "../messages.ts";
import { PartReference } from "../part_reference.ts";
import { Serialized } from "../serialized.ts";
import { tokenize } from "../tokenize.ts";
import { serialize } from "../values.ts";
import type { CapturedFunction, CapturedRegistrations, ValueCodeWriter } from "./capture.ts";
import {
  type AnyFunction,
  type CodeForm,
  type CodeReader,
  CodeRefusal,
  type FunctionProperty,
  ImportReference,
} from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import type { Linker, WritableFunction } from "./linker.ts";
import { sharedBuffer } from "./shared_buffers.ts";
import { ThreadCodeWriter } from "./thread_code_writer.ts";

const { toString } = Function.prototype;
const { getOwnPropertyDescriptor, hasOwn } = Object;
const { ownKeys } = Reflect;
const IS_CLASS = /^class\b/;
const IS_GENERATOR = /^(?:async\s+)?(?:function\s*)?\*/;

/** Captures functions in one thread. */
export class ThreadCapture {
  readonly #linker: Linker;

  /** @param linker Knows the code that has come to the thread. */
  constructor(linker: Linker) {
    this.#linker = linker;
  }

  /**
   * Capture a function, with the present values of what it closes over.
   *
   * @throws {FunctionError} When it is nothing that a task can run.
   * @throws {SerializationError} When it, or something that it closes over, cannot travel.
   */
  function(fn: AnyFunction): CapturedFunction {
    refuse(fn);
    const name = nameOf(fn);
    const writer = new TaskCodeWriter(this.#linker, fn);
    const code = serialize(fn, { code: writer, name: name || "fn" });
    const [first, ...frames] = code.frames;
    // The others are memory of the task, which may change it.
    const kept = new Serialized([first, ...frames.map((frame) => frame.slice())]);
    const { names: needs } = writer;
    const part = `f${tokenize(kept)}`;
    const own: CodePart = {
      code: kept,
      ...needs.length > 0 && { needs },
      // Sent once, and found out then.
      get origin() {
        return writer.origin();
      },
    };
    const parts = new Map([[part, own], ...writer.parts]);
    return { part, prefix: prefixOf(name), parts };
  }

  /** A writer for arguments and other values. */
  writer(): ValueCodeWriter {
    const writer = new TaskCodeWriter(this.#linker, undefined);
    return {
      get needs() {
        return writer.names;
      },
      get parts() {
        return writer.parts;
      },
      // What was written before counts on: needs are those of all values.
      begin: () => {},
      describe: (fn) => writer.describe(fn),
      describeClass: (cls, instance, lenient) => writer.describeClass(cls, instance, lenient),
      registration: (object) => writer.registration(object),
    };
  }

  /** The registered serializations that came with the task: those that it launches have them too. */
  registrations(): CapturedRegistrations {
    const needs = [...this.#linker.registrations.active];
    return { needs, parts: new Map(needs.map((name) => [name, named(name)])) };
  }

  /** A reader for results. */
  reader(): CodeReader {
    return this.#linker;
  }

  /** What was submitted here is not remembered. */
  functionOf(): undefined {
    return undefined;
  }
}

/** Code that the worker has. */
function named(part: string): CodePart {
  return { code: new PartReference(part) };
}

/** Writes functions too, where results have none. */
class TaskCodeWriter extends ThreadCodeWriter {
  readonly #linker: Linker;
  readonly #root: AnyFunction | undefined;
  readonly #buffers = new Map<string, CodePart>();
  /** What was written where it stands, in order. */
  readonly #written: WritableFunction[] = [];

  constructor(linker: Linker, root: AnyFunction | undefined) {
    super(linker);
    this.#linker = linker;
    this.#root = root;
    // Buffers of values stay in their frames; those of parts become parts.
    if (root === undefined) this.share = undefined;
    this.begin();
  }

  /** Names of the parts that what was written refers to. */
  get names(): string[] {
    return [...this.needs ?? [], ...this.#buffers.keys()];
  }

  /** The parts that what was written refers to. */
  get parts(): Map<string, CodePart> {
    const known = (this.needs ?? []).map((name) => [name, named(name)] as const);
    return new Map([...known, ...this.#buffers]);
  }

  /** Where the functions that were written come from. */
  origin(): Serialized {
    return serialize(this.#written.map((one) => one.origin() ?? null));
  }

  share?(bytes: Uint8Array): string | undefined {
    const buffer = sharedBuffer(bytes);
    if (buffer === undefined) return undefined;
    const { name, part } = buffer;
    this.#buffers.set(name, this.#linker.has(name) ? named(name) : part);
    return name;
  }

  override describe(fn: AnyFunction): CodeForm {
    const form = this.known(fn);
    if (form !== undefined) return form;
    const writable = this.#linker.writable(fn);
    if (writable === undefined) throw new CodeRefusal(whyUnknown(fn));
    // Only parts have an origin, and values can be many.
    if (this.#root !== undefined) this.#written.push(writable);
    const { definition } = writable;
    return {
      type: "inline",
      definition,
      values: writable.read().map((value) => this.#reference(value) ?? value),
      properties: propertiesOf(fn),
    };
  }

  /** What came as an import travels as that import. */
  #reference(value: unknown): ImportReference | undefined {
    if (typeof value === "function" && value !== this.#root) {
      const form = this.known(value);
      return form?.type === "import" ? form.reference : undefined;
    }
    if (typeof value !== "object" || value === null) return undefined;
    const module = this.#linker.moduleOf(value);
    if (module === undefined) return undefined;
    this.need(module);
    return new ImportReference(module, "*");
  }
}

function refuse(fn: unknown): void {
  if (typeof fn !== "function") {
    throw new FunctionError(
      `the first argument must be a function, not ${fn === null ? "null" : typeof fn}; ` +
        `write client.submit(fn, ...args) and not client.submit(fn(...args))`,
    );
  }
  const text = toString.call(fn);
  if (IS_CLASS.test(text)) {
    throw new FunctionError(
      `${nameOf(fn) || "this"} is a class, and a task calls a function; ` +
        `submit a function that makes and uses the object`,
    );
  }
  if (IS_GENERATOR.test(text)) {
    throw new FunctionError(
      `${nameOf(fn) || "this"} is a generator, and a task cannot return a live iterator; ` +
        `collect its items and return an array`,
    );
  }
}

function whyUnknown(fn: AnyFunction): string {
  const text = toString.call(fn);
  const who = nameOf(fn) === "" ? "the function" : `the function ${nameOf(fn)}`;
  if (IS_CLASS.test(text)) {
    return `class ${nameOf(fn) || "(anonymous)"} was made in the task; declare it outside of the ` +
      `submitted function`;
  }
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    return `${who} is native and has no source to send; wrap it in a function of your own, as in ` +
      `(...args) => ${nameOf(fn) || "it"}(...args)`;
  }
  return `${who} was made in the task, and what it closes over cannot be seen: it is a method, uses ` +
    `"this" of the code around it, or stands in a module that does not launch tasks; submit a plain ` +
    `function that names what it needs, or declare it at the top of a module`;
}

/** Properties that somebody has assigned to a function or to its prototype. */
function propertiesOf(fn: AnyFunction): FunctionProperty[] {
  const properties: FunctionProperty[] = [];
  for (const key of ownKeys(fn)) {
    const { writable, enumerable, get } = getOwnPropertyDescriptor(fn, key)!;
    if (key === "prototype" || key === "arguments" || key === "caller") continue;
    if ((key === "length" || key === "name") && !writable && get === undefined) continue;
    const value = (fn as unknown as Record<string | symbol, unknown>)[key];
    properties.push({ on: "function", key, value, enumerable: enumerable === true });
  }
  const { prototype } = fn;
  if (!hasOwn(fn, "prototype") || typeof prototype !== "object" || prototype === null) {
    return properties;
  }
  for (const key of ownKeys(prototype)) {
    if (key === "constructor") continue;
    const enumerable = getOwnPropertyDescriptor(prototype, key)!.enumerable === true;
    properties.push({ on: "prototype", key, value: prototype[key], enumerable });
  }
  return properties;
}

function nameOf(fn: AnyFunction): string {
  return typeof fn.name === "string" ? fn.name : "";
}

/** What a task's key begins with, as for functions of programs. */
function prefixOf(name: string): string {
  if (name === "") return "lambda";
  return name.replaceAll(/[\s\p{C}]/gu, "_").slice(0, 100);
}
