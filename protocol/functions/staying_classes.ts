/**
 * Classes whose instances stay in their program, with better advice than any that could be given for a
 * class that nobody knows.
 *
 * @module
 */
import type { AnyFunction } from "./definition.ts";

const reasons = new WeakMap<AnyFunction, string>();

/**
 * Say why instances of a class do not travel.
 *
 * @param cls The class.
 * @param reason Why, and what to do instead.
 */
export function stays(cls: AnyFunction, reason: string): void {
  reasons.set(cls, reason);
}

/** Why instances of a class do not travel; undefined when nobody has said so. */
export function whyStays(cls: AnyFunction): string | undefined {
  return reasons.get(cls);
}
