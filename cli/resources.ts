/**
 * What `--resources "GPU=2,MEMORY=100e9"` says.
 *
 * @module
 */
import { FlagValueError } from "./command_line.ts";

/**
 * A parser for `--resources`.
 *
 * @param text Names and amounts, such as "GPU=2,MEMORY=100e9".
 * @param before What an earlier flag gave; the amounts of this one are added to the names there.
 * @returns How much there is of each.
 * @throws {FlagValueError} When it is malformed.
 */
export function parseResources(
  text: string,
  before: Record<string, number> = {},
): Record<string, number> {
  const resources = new Map(Object.entries(before));
  for (const part of text.split(/[,\s]+/).filter((part) => part !== "")) {
    const [name, amount, ...rest] = part.split("=");
    const value = Number(amount);
    if (
      name === "" || rest.length > 0 || !/^[\d.]+(e[+-]?\d+)?$/i.test(amount ?? "") ||
      !(value < Infinity)
    ) {
      throw new FlagValueError(`"${part}" must be NAME=AMOUNT, as in GPU=2,MEMORY=100e9.`);
    }
    if (resources.has(name)) throw new FlagValueError(`It names ${name} twice.`);
    resources.set(name, value);
  }
  if (resources.size === 0) throw new FlagValueError("It must be as in GPU=2,MEMORY=100e9.");
  return Object.fromEntries(resources);
}
