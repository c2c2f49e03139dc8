/**
 * What a live function or class has besides what its text gives it: properties that somebody assigned,
 * static fields, members put on a prototype.
 *
 * @module
 */
import type { AnyFunction, FunctionProperty } from "./definition.ts";
import { CodeRefusal } from "./definition.ts";
import { type FunctionText, sourceOf } from "./function_text.ts";

const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
const { ownKeys } = Reflect;
const NO_METHODS: ReadonlySet<string> = new Set();
const NONE: readonly FunctionProperty[] = [];

/**
 * The properties of a function or class that travel with it, with their present values.
 *
 * @param fn The function.
 * @param text What its text says.
 * @throws {CodeRefusal} When its prototype was given an accessor.
 */
export function propertiesOf(fn: AnyFunction, text: FunctionText): readonly FunctionProperty[] {
  const keys = ownKeys(fn);
  const { prototype } = fn;
  const hasPrototype = Object.hasOwn(fn, "prototype") && typeof prototype === "object" &&
    prototype !== null;
  // Most functions have a length and a name, and no members on a prototype.
  if (!hasPrototype && keys.length === 2) return NONE;
  const properties: FunctionProperty[] = [];
  const { staticMethods = NO_METHODS, methods = NO_METHODS } = text.class ?? {};
  for (const key of keys) {
    const descriptor = getOwnPropertyDescriptor(fn, key)!;
    if (key === "prototype" || key === "length" && !descriptor.writable) continue;
    if (key === "name" && isOwnName(descriptor)) continue;
    if (!text.class && (key === "arguments" || key === "caller")) continue;
    add(properties, "function", fn, key, descriptor, staticMethods);
  }
  if (!hasPrototype) return properties;
  if (text.type === "function" && !text.isGenerator) addInherited(properties, fn);
  for (const key of ownKeys(prototype)) {
    if (key === "constructor") continue;
    add(
      properties,
      "prototype",
      prototype,
      key,
      getOwnPropertyDescriptor(prototype, key)!,
      methods,
    );
  }
  return properties;
}

/** Whether a function or class has no properties that would travel with it. */
export function isBare(fn: AnyFunction, text: FunctionText): boolean {
  try {
    return propertiesOf(fn, text).length === 0;
  } catch (error) {
    if (error instanceof CodeRefusal) return false;
    throw error;
  }
}

/** What objects inherit that are made with a function, where somebody has given it another prototype. */
function addInherited(properties: FunctionProperty[], fn: AnyFunction): void {
  const parent: object | null = getPrototypeOf(fn.prototype);
  if (parent === Object.prototype) return;
  const inherited = { key: "__proto__", enumerable: false, inherited: true } as const;
  const maker = parent && getOwnPropertyDescriptor(parent, "constructor")?.value;
  const isMade = typeof maker === "function" && maker.prototype === parent;
  properties.push({ on: "prototype", value: isMade ? maker : parent, ...inherited });
  if (isMade && getPrototypeOf(fn) === maker) {
    properties.push({ on: "function", value: maker, ...inherited });
  }
}

/** Whether a property "name" is the one that every function has. */
function isOwnName({ value, writable, get }: PropertyDescriptor): boolean {
  return get === undefined && !writable && typeof value === "string";
}

function add(
  properties: FunctionProperty[],
  on: FunctionProperty["on"],
  holder: object,
  key: string | symbol,
  { value, get, set, enumerable }: PropertyDescriptor,
  methods: ReadonlySet<string>,
): void {
  // Methods and accessors come with the text, unless something else has taken their place.
  const method = get ?? set ?? value;
  if (typeof method === "function" && methods.has(sourceOf(method))) return;
  if (on === "prototype" && (get ?? set) !== undefined) {
    throw new CodeRefusal(
      `its prototype was given the accessor ${
        String(key)
      }, which does not travel; write it in the class`,
    );
  }
  properties.push({
    on,
    key,
    value: (holder as Record<string | symbol, unknown>)[key],
    enumerable: enumerable === true,
  });
}
