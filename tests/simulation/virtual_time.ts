/**
 * A clock that does not tick: events happen in the order of their times, and the clock jumps from one to
 * the next. Events of one time happen in the order they were planned in, so that a run replays.
 *
 * @module
 */

interface Planned {
  at: number;
  order: number;
  run: () => void;
}

/** Planned events and the time they make. */
export class VirtualTime {
  /** Seconds since the simulation began. */
  now = 0;
  /** How many events have happened. */
  steps = 0;
  #heap: Planned[] = [];
  #order = 0;

  /** Plan `run` for `delay` seconds from now. */
  after(delay: number, run: () => void): void {
    this.at(this.now + delay, run);
  }

  /** Plan `run` for a time; what is planned for the same time happens in that order. */
  at(at: number, run: () => void): void {
    this.#push({ at, order: this.#order++, run });
  }

  /** Let the next event happen; false when there is none. */
  step(): boolean {
    const next = this.#pop();
    if (next === undefined) return false;
    this.now = next.at;
    this.steps++;
    next.run();
    return true;
  }

  #push(event: Planned): void {
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(event, heap[parent])) break;
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = event;
  }

  #pop(): Planned | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

function before(a: Planned, b: Planned): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
