/**
 * How code travels in the results of tasks: by the names by which it came. What a task makes itself
 * stays in its thread.
 *
 * @module
 */
import {
  type AnyFunction,
  type CodeForm,
  CodeRefusal,
  type CodeWriter,
  type RegisteredClass,
} from "./definition.ts";
import type { Linker } from "./linker.ts";
import { RUNTIME } from "./linked_modules.ts";
import { whyStays } from "./staying_classes.ts";

const { toString } = Function.prototype;
const { getPrototypeOf } = Object;

/** Says how code travels in one result after another. */
export class ThreadCodeWriter implements CodeWriter {
  readonly #linker: Linker;
  /** Private members of classes that came without a list of them. */
  readonly #scanned = new WeakMap<AnyFunction, readonly string[]>();
  #needs: Set<string> | undefined;

  /** @param linker Knows by which names code came. */
  constructor(linker: Linker) {
    this.#linker = linker;
  }

  /** Begin with a result. */
  begin(): void {
    this.#needs = undefined;
  }

  /** Names of the parts that the result refers to; undefined: none. */
  get needs(): string[] | undefined {
    return this.#needs && [...this.#needs];
  }

  /** See {@linkcode CodeWriter}. */
  describe(fn: AnyFunction): CodeForm {
    const form = this.known(fn);
    if (form !== undefined) return form;
    const name = nameOf(fn);
    throw new CodeRefusal(
      isClass(fn)
        ? `${madeHere(name)}, and does not travel back with a result; ${DECLARE}`
        : `functions${
          name && ` (${name})`
        } do not travel back with a result; call it in the task ` +
          `and return what it gives, or return what a function of your program needs to know`,
    );
  }

  /** See {@linkcode CodeWriter}. */
  describeClass(cls: AnyFunction, instance: object, lenient: boolean): CodeForm | undefined {
    const stays = whyStays(cls);
    if (stays !== undefined && !lenient) throw new CodeRefusal(stays);
    const form = this.known(cls);
    if (lenient && (form === undefined || isOfRuntime(form))) return undefined;
    const name = nameOf(cls) || "(anonymous)";
    if (form === undefined) {
      throw new CodeRefusal(
        isPlatforms(cls)
          ? `instances of ${name} belong to the thread that made them, and do not travel; return the data that they hold`
          : !isClass(cls)
          ? `objects made with the function ${name} do not travel back with a result; write it as a ` +
            `class, ${OUTSIDE}, or return plain data`
          : `${
            madeHere(name)
          }, and its instances do not travel back with a result; ${DECLARE}, or return plain data`,
      );
    }
    // Its own functions say what it is made of; only its class is asked for.
    if (this.#linker.registrations.find(instance) !== undefined) return form;
    if (!lenient && this.#linker.registrations.isDeclared(cls)) {
      throw new CodeRefusal(
        `class ${name} was registered with registerSerialization in the task only; register it in your ` +
          `program, before the task is submitted`,
      );
    }
    const privates = this.#privates(cls);
    if (privates.length === 0) return form;
    if (lenient) return undefined;
    throw new CodeRefusal(
      `instances of class ${name} have private members (${
        privates.slice(0, 3).join(", ")
      }), which ` +
        `cannot be seen from outside; tell how they travel with registerSerialization(${name}, …) in your program`,
    );
  }

  registration(object: object): RegisteredClass | undefined {
    const registration = this.#linker.registrations.find(object);
    if (registration !== undefined) this.need(registration.part);
    return registration;
  }

  /** How something came, if the part that it came in is still known to the cluster. */
  protected known(fn: AnyFunction): CodeForm | undefined {
    const known = this.#linker.codeOf(fn);
    if (known === undefined) return undefined;
    const { form, part } = known;
    if (form.type === "class" && this.#linker.has(form.part)) {
      this.need(form.part);
    } else if (part !== undefined) {
      if (!this.#linker.has(part)) return undefined;
      this.need(part);
    }
    return form;
  }

  /** What is written refers to a part. */
  protected need(part: string): void {
    if (!PART.test(part)) return;
    (this.#needs ??= new Set()).add(part);
  }

  /** Names of the private members of a class's instances. */
  #privates(cls: AnyFunction): readonly string[] {
    const known = this.#linker.privatesOf(cls) ?? this.#scanned.get(cls);
    if (known !== undefined) return known;
    const found: string[] = [];
    for (
      let at = cls;
      typeof at === "function" && at !== Function.prototype;
      at = getPrototypeOf(at)
    ) {
      if (isClass(at)) found.push(...privateMembers(toString.call(at)));
    }
    this.#scanned.set(cls, found);
    return found;
  }
}

/** The runtime and built-in modules are everywhere. */
const PART = /^[a-z][0-9a-f]{32}$/;
const OUTSIDE = "in your program, outside of the submitted function";
const DECLARE = `declare it ${OUTSIDE}`;

function madeHere(name: string): string {
  return `class ${name || "(anonymous)"} was made in the task, or its module does not export it`;
}

function nameOf(fn: AnyFunction): string {
  return typeof fn.name === "string" ? fn.name : "";
}

function isOfRuntime(form: CodeForm): boolean {
  return form.type === "import" && form.reference.module === RUNTIME;
}

function isClass(fn: AnyFunction): boolean {
  return toString.call(fn).startsWith("class");
}

/** Whether a class is the platform's own. */
function isPlatforms(cls: AnyFunction): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(toString.call(cls)) ||
    Reflect.get(globalThis, nameOf(cls)) === cls;
}

/** What looks like the declaration of a private member, in a class's body. */
const PRIVATE_MEMBER =
  /(?<=^|[{};\s])(static\s+)?(?:async\s*|get\s+|set\s+|accessor\s+)?\*?\s*(#[\p{ID_Start}$_][\p{ID_Continue}$]*)\s*(?=[=;(\n}])/gu;

/**
 * The private instance members that a class uses, by its text. Classes of bundled modules come without
 * a list of them, and there is no parser here: what is both declared and used is no comment or string.
 */
function privateMembers(text: string): string[] {
  if (!text.includes("#")) return [];
  const names: string[] = [];
  for (const [, isStatic, name] of text.matchAll(PRIVATE_MEMBER)) {
    if (isStatic !== undefined || names.includes(name)) continue;
    if (text.includes(`.${name}`) || text.includes(`${name} in `)) names.push(name);
  }
  return names;
}
