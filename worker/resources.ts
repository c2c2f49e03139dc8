/**
 * Abstract resources ("GPU", "MEMORY", …) of a worker: how much there is, and how much is free.
 *
 * @module
 */

/** Forgives the rounding of sums such as 0.1 + 0.2. */
const TOLERANCE = 1e-9;

/** The resources of one worker. */
export class ResourcePool {
  /** How much there is of each. */
  readonly total: Readonly<Record<string, number>>;
  /** How much of each is free. */
  readonly available: Record<string, number>;

  /** @param total How much there is of each resource. */
  constructor(total: Readonly<Record<string, number>>) {
    // Without a prototype: "constructor" is a resource like any other, which this worker has not.
    this.total = { __proto__: null as never, ...total };
    this.available = { __proto__: null as never, ...total };
  }

  /** Whether so much is free. */
  suffices(needs: Record<string, number>): boolean {
    for (const name in needs) {
      if (needs[name] > (this.available[name] ?? 0) + TOLERANCE) return false;
    }
    return true;
  }

  /** Whether there is so much at all, free or not. */
  couldSuffice(needs: Record<string, number>): boolean {
    for (const name in needs) {
      if (needs[name] > (this.total[name] ?? 0) + TOLERANCE) return false;
    }
    return true;
  }

  /** Take so much; the caller has seen that it suffices. */
  acquire(needs: Record<string, number>): void {
    for (const name in needs) this.available[name] = (this.available[name] ?? 0) - needs[name];
  }

  /** Give back what was taken. */
  release(needs: Record<string, number>): void {
    for (const name in needs) this.available[name] = (this.available[name] ?? 0) + needs[name];
  }
}

/** Whether a task needs any resource at all. */
export function needsResources(needs: Record<string, number> | undefined): boolean {
  if (needs === undefined) return false;
  for (const name in needs) if (needs[name] > 0) return true;
  return false;
}

/** One text for all tasks that need the same. */
export function resourceSignature(needs: Record<string, number>): string {
  return Object.keys(needs).sort().map((name) => `${name}=${needs[name]}`).join(",");
}
