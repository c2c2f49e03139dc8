/**
 * What can be a name: the key of a task, the address of a worker, the id of a client, a part of code.
 * Names are fields of the maps that messages are made of, and they travel as UTF-8.
 *
 * @module
 */

/** Longest name, in UTF-16 units. */
export const LONGEST_NAME = 10_000;

/**
 * Whether a value can be a name: a text that is not empty nor absurdly long, has no lone surrogates
 * (UTF-8 cannot hold them: two names could become one on the way), and is not `__proto__` (a map
 * cannot hold a field of that name like any other).
 *
 * @param value Any value.
 * @returns True for a name.
 */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_NAME &&
    value !== "__proto__" && value.isWellFormed();
}

const PART_NAME = /^[fcmbr][0-9a-f]{32}$/;

/**
 * Whether a value can be the name of a part of code: a letter for its kind (`f` function, `c` class,
 * `m` module, `b` buffer, `r` registered serialization) and the hash of its content.
 *
 * @param value Any value.
 * @returns True for a part's name.
 */
export function isPartName(value: unknown): value is string {
  return typeof value === "string" && PART_NAME.test(value);
}

/** How many parts one part, call or value may refer to. */
export const MOST_NEEDS = 10_000;

/**
 * Whether a value is a list of names of parts, and not absurdly long.
 *
 * @param value Any value.
 * @returns True for a list that something may need.
 */
export function isPartNames(value: unknown): value is string[] {
  return Array.isArray(value) && value.length <= MOST_NEEDS && value.every(isPartName);
}
