/**
 * Stands for code that a worker has: a task that submits others names it, and its worker puts it into the
 * message on its way.
 *
 * @module
 */
import { Serialized } from "./serialized.ts";

/** The code of a part, by its name. */
export class PartReference extends Serialized {
  /** Name of the part. */
  readonly part: string;

  /** @param part Name of the part. */
  constructor(part: string) {
    super([]);
    this.part = part;
  }
}
