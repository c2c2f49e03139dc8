/**
 * What code the scheduler holds for this client, so that each part is sent once: parts are named by
 * their content. What was not used for long is let go of, and sent anew when it is used again.
 *
 * @module
 */
import type { CodePart } from "../protocol/messages.ts";

/** How much the scheduler is asked to hold. */
export interface HeldLimits {
  /** Parts that groups of tasks or data name; what those need comes on top. */
  roots: number;
  /** All parts together. */
  bytes: number;
}

const defaultLimits: HeldLimits = { roots: 1000, bytes: 256 * 2 ** 20 };

/** One part that the scheduler holds. */
interface Entry {
  readonly nbytes: number;
  readonly needs: readonly string[];
  /** How many of the others need it; one more when it is a root. */
  references: number;
  /** When it was last used as a root. */
  turn: number;
}

/** Parts that are held, and those to send. */
export class HeldParts {
  readonly #limits: HeldLimits;
  readonly #entries = new Map<string, Entry>();
  /** The one used longest ago comes first. */
  readonly #roots = new Set<string>();
  #bytes = 0;
  #turn = 0;

  /** @param limits How much is held beyond what the present turn uses. */
  constructor(limits: HeldLimits = defaultLimits) {
    this.#limits = limits;
  }

  /**
   * Something that is about to be sent refers to a part.
   *
   * @param name The part.
   * @param find Gives a part by its name: this one, and those that it needs.
   * @param send Called with each part that the scheduler does not hold yet.
   */
  use(
    name: string,
    find: (name: string) => CodePart,
    send: (name: string, part: CodePart) => void,
  ): void {
    const entry = this.#entries.get(name) ?? this.#add(name, find, send);
    if (this.#roots.delete(name) === false) entry.references++;
    this.#roots.add(name);
    entry.turn = this.#turn;
  }

  /**
   * A turn is over: let go of what was used longest ago, if there is too much. What this turn used
   * stays, so that a loop over one large function does not send it over and over.
   *
   * @returns Names of the parts that the client will not refer to without sending them anew.
   */
  endTurn(): string[] {
    const released: string[] = [];
    for (const name of this.#roots) {
      if (this.#roots.size <= this.#limits.roots && this.#bytes <= this.#limits.bytes) break;
      if (this.#entries.get(name)!.turn === this.#turn) break;
      this.#roots.delete(name);
      this.#release(name, released);
    }
    this.#turn++;
    return released;
  }

  /** The scheduler holds nothing any more: everything is sent anew. */
  clear(): void {
    this.#entries.clear();
    this.#roots.clear();
    this.#bytes = 0;
  }

  #add(
    name: string,
    find: (name: string) => CodePart,
    send: (name: string, part: CodePart) => void,
  ): Entry {
    const part = find(name);
    const { code, origin, needs = [] } = part;
    const nbytes = code.nbytes + (origin?.nbytes ?? 0);
    const entry: Entry = { nbytes, needs, references: 0, turn: this.#turn };
    this.#entries.set(name, entry);
    this.#bytes += nbytes;
    send(name, part);
    for (const need of needs) {
      (this.#entries.get(need) ?? this.#add(need, find, send)).references++;
    }
    return entry;
  }

  #release(name: string, released: string[]): void {
    const entry = this.#entries.get(name)!;
    entry.references--;
    if (entry.references > 0) return;
    this.#entries.delete(name);
    this.#bytes -= entry.nbytes;
    released.push(name);
    for (const need of entry.needs) this.#release(need, released);
  }
}
