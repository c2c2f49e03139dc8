/**
 * The code that tasks run and values refer to: each part kept once, by the hash of its content, with
 * the workers that have been sent it. What nothing uses any more is kept a while, because the next call
 * most often uses it again.
 *
 * A part is in use while it has references: from tasks, results, clients, uploads, and from other parts
 * that are in use. Among the others, a part always comes before those that it needs: what is dropped
 * first is never needed by what is left.
 *
 * @module
 */
import type { CodePart } from "../protocol/messages.ts";
import type { WorkerState } from "./worker_state.ts";

/** How much is kept of what nothing uses. */
export interface UnusedLimits {
  /** How many parts. */
  parts: number;
  /** How many bytes of them. */
  bytes: number;
}

/** What is kept when nothing else is said. It comes on top of what clients hold for their next calls. */
const UNUSED_KEPT: UnusedLimits = { parts: 1000, bytes: 64 * 2 ** 20 };
/** How many parts may need each other in a row: as many as modules import each other, one after the other. */
const LONGEST_CHAIN = 1000;

/** One part. */
export class PartState {
  /** Name of the part. */
  readonly name: string;
  /** The part as the client sent it. */
  readonly part: CodePart;
  /** The parts that it refers to. */
  readonly needs: readonly PartState[];
  /** Length of the longest chain of parts that begins with it. */
  readonly chain: number;
  /** Size of the part in bytes, without those that it needs. */
  readonly nbytes: number;
  /** From how many places it is used. */
  references = 0;
  /** Workers that have it, and all that it needs. */
  readonly knownBy: Set<WorkerState> = new Set();

  /** @param name Its name. @param part The part. @param needs The parts that it refers to. */
  constructor(name: string, part: CodePart, needs: readonly PartState[]) {
    this.name = name;
    this.part = part;
    this.needs = needs;
    this.chain = needs.reduce((longest, need) => Math.max(longest, need.chain), 0) + 1;
    this.nbytes = part.code.nbytes + (part.origin?.nbytes ?? 0);
  }
}

/** What came of parts that were sent. */
export interface Registered {
  /** Those that are known now. */
  readonly parts: PartState[];
  /** Those of them that were not known before. */
  readonly fresh: PartState[];
  /** Why the others could not be taken, by name; null: all could. */
  refused: Map<string, string> | null;
}

/** A part on its way in, and how many of those that it needs have been looked at. */
interface Arriving {
  readonly name: string;
  readonly part: CodePart;
  looked: number;
}

/** All parts, by name. */
export class PartRegistry {
  readonly #parts = new Map<string, PartState>();
  /** Parts without references, longest unused first. */
  readonly #unused = new Set<PartState>();
  #unusedBytes = 0;
  readonly #kept: UnusedLimits;

  /** @param kept How much is kept of what nothing uses. */
  constructor(kept: UnusedLimits = UNUSED_KEPT) {
    this.#kept = kept;
  }

  /** How many parts are known. */
  get size(): number {
    return this.#parts.size;
  }

  /** The parts that nothing uses, longest unused first. */
  get unused(): ReadonlySet<PartState> {
    return this.#unused;
  }

  /** Size of these, in bytes. */
  get unusedBytes(): number {
    return this.#unusedBytes;
  }

  /** The part with this name. */
  get(name: string): PartState | undefined {
    return this.#parts.get(name);
  }

  /** All parts. */
  values(): IterableIterator<PartState> {
    return this.#parts.values();
  }

  /**
   * Makes parts known; those that are known already stay as they are. The new ones are in use until
   * {@linkcode settle}, so that whoever needs them can say so.
   *
   * @param sent The parts by name, in any order.
   */
  register(sent: Readonly<Record<string, CodePart>>): Registered {
    const registered: Registered = { parts: [], fresh: [], refused: null };
    for (const name in sent) {
      this.#register(name, sent, registered);
      const part = this.#parts.get(name);
      if (part !== undefined) registered.parts.push(part);
    }
    return registered;
  }

  /** Whoever needs the parts that were registered has said so. */
  settle(registered: Registered): void {
    for (const part of registered.fresh) this.release(part);
  }

  /** One more place uses the part. */
  use(part: PartState): void {
    if (part.references++ > 0) return;
    this.#unused.delete(part);
    this.#unusedBytes -= part.nbytes;
    for (const need of part.needs) this.use(need);
  }

  /** One place fewer uses the part. */
  release(part: PartState): void {
    if (--part.references > 0) return;
    this.#retire(part);
    // After it: see the top of this page.
    for (const need of part.needs) this.release(need);
  }

  /** Whether more is kept of what nothing uses than should be. */
  get isOverfull(): boolean {
    return this.#unused.size > this.#kept.parts || this.#unusedBytes > this.#kept.bytes;
  }

  /** Drops the parts that have been unused longest, until no more are kept than should be. */
  *trim(): Generator<PartState> {
    for (const part of this.#unused) {
      if (!this.isOverfull) return;
      this.#unused.delete(part);
      this.#unusedBytes -= part.nbytes;
      this.#parts.delete(part.name);
      yield part;
    }
  }

  /** A worker has left, or has begun anew: it has no code any more. */
  forgetWorker(ws: WorkerState): void {
    for (const part of this.#parts.values()) part.knownBy.delete(ws);
  }

  #retire(part: PartState): void {
    this.#unused.add(part);
    this.#unusedBytes += part.nbytes;
  }

  /** Registers a part after those that it needs: a walk without recursion, for chains of any length. */
  #register(
    root: string,
    sent: Readonly<Record<string, CodePart>>,
    registered: Registered,
  ): void {
    if (this.#parts.has(root) || registered.refused?.has(root)) return;
    const path: Arriving[] = [{ name: root, part: sent[root], looked: 0 }];
    const open = new Set([root]);
    const refuse = (reason: string) => {
      const refused = registered.refused ??= new Map();
      for (const { name } of path) refused.set(name, reason);
    };
    while (path.length > 0) {
      const arriving = path[path.length - 1];
      const needs = arriving.part.needs ?? [];
      if (arriving.looked === needs.length) {
        if (!this.#add(arriving, registered)) {
          return refuse(`more than ${LONGEST_CHAIN} parts need each other in a row`);
        }
        path.pop();
        open.delete(arriving.name);
        continue;
      }
      const need = needs[arriving.looked++];
      if (this.#parts.has(need)) continue;
      const known = registered.refused?.get(need);
      if (known !== undefined) return refuse(known);
      if (open.has(need)) return refuse(`part ${need} needs itself`);
      if (!Object.hasOwn(sent, need)) {
        return refuse(`part ${need}, which ${arriving.name} needs, did not come along`);
      }
      path.push({ name: need, part: sent[need], looked: 0 });
      open.add(need);
    }
  }

  #add({ name, part }: Arriving, registered: Registered): boolean {
    const needs = new Set<PartState>();
    for (const need of part.needs ?? []) needs.add(this.#parts.get(need) as PartState);
    const state = new PartState(name, part, [...needs]);
    if (state.chain > LONGEST_CHAIN) return false;
    this.#parts.set(name, state);
    // In no list of unused parts, unlike those that `use` takes up.
    state.references = 1;
    for (const need of needs) this.use(need);
    registered.fresh.push(state);
    return true;
  }
}
