/**
 * Properties as they were, whatever the prototype has under their keys.
 *
 * @module
 */

/** Define a property that can be changed, without running a setter. */
export function defineProperty(
  object: object,
  key: string | symbol,
  value: unknown,
  enumerable: boolean,
): void {
  Object.defineProperty(object, key, { value, enumerable, writable: true, configurable: true });
}
