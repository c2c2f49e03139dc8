/**
 * Looks into errors that tasks threw. Their properties may be anything, and may throw when they are
 * looked at.
 *
 * @module
 */

/** So many errors inside of one are looked at. */
const MAX_INSIDE = 1000;
/** So deep an error is copied, and so many of its properties. */
const MAX_DEPTH = 20;
const MAX_PROPERTIES = 100;

/** Properties that hold other errors. */
const LINKS = ["cause", "errors", "error", "suppressed"];

/** Reads a property of something that may well throw at that. */
export function read(object: object, name: string): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return undefined;
  }
}

/** A text, or undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Whether a value is an error. Never throws. */
export function isError(value: unknown): value is Error {
  try {
    return value instanceof Error || value instanceof DOMException;
  } catch {
    return false; // A revoked proxy.
  }
}

function isArray(value: unknown): value is unknown[] {
  try {
    return Array.isArray(value);
  } catch {
    return false;
  }
}

/** The errors that an error refers to: its causes, the members of an `AggregateError`, and theirs. */
export function errorsInside(error: Error): Error[] {
  const found = new Set<Error>([error]);
  for (const outer of found) {
    if (found.size > MAX_INSIDE) break;
    for (const link of LINKS) {
      const value = read(outer, link);
      const inner = isArray(value) ? value.slice(0, MAX_INSIDE) : [value];
      for (const error of inner) if (isError(error)) found.add(error);
    }
  }
  found.delete(error);
  return [...found];
}

/**
 * An error like another, with what can travel of it.
 *
 * @param error What was thrown.
 * @param travels Whether a value can travel.
 * @returns An error of the same class, without the properties that cannot.
 */
export function copyError(error: Error, travels: (value: unknown) => boolean): Error {
  return copy(error, { travels, copies: new Map() }, MAX_DEPTH);
}

interface Copying {
  travels(value: unknown): boolean;
  /** The copies made so far: an error that is referred to from many places is copied once. */
  copies: Map<Error, Error>;
}

function copy(error: Error, copying: Copying, depth: number): Error {
  const { travels, copies } = copying;
  const known = copies.get(error);
  if (known !== undefined) return known;
  const result = new Error(text(read(error, "message")) ?? "");
  copies.set(error, result);
  try {
    Object.setPrototypeOf(result, Object.getPrototypeOf(error));
  } catch {
    // A proxy without a prototype to show: then it is an Error.
  }
  const set = (key: string, value: unknown, enumerable: boolean) => {
    Object.defineProperty(result, key, { value, enumerable, configurable: true, writable: true });
  };
  set("stack", text(read(error, "stack")) ?? "", false);
  for (const [key, enumerable] of propertiesOf(error)) {
    const value = read(error, key);
    if (isError(value)) {
      if (depth > 0) set(key, copy(value, copying, depth - 1), enumerable);
    } else if (isArray(value) && depth > 0 && value.some(isError)) {
      const items = value.slice(0, MAX_INSIDE).map((item) =>
        isError(item) ? copy(item, copying, depth - 1) : travels(item) ? item : undefined
      );
      set(key, items, enumerable);
    } else if (travels(value)) {
      set(key, value, enumerable);
    }
  }
  return result;
}

/** Own properties of an error, and whether they are enumerable; without message and stack. */
function propertiesOf(error: Error): [key: string, enumerable: boolean][] {
  try {
    return Object.entries(Object.getOwnPropertyDescriptors(error))
      .filter(([key]) => key !== "message" && key !== "stack")
      .slice(0, MAX_PROPERTIES)
      .map(([key, descriptor]) => [key, descriptor.enumerable === true]);
  } catch {
    return [];
  }
}
