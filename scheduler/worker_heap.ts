/**
 * The workers in the order of their load, least first, as a binary heap: the least occupied one is
 * known at once, and a change of one worker's load costs a few comparisons, however many there are.
 *
 * @module
 */
import type { WorkerState } from "./worker_state.ts";

/** Heap of the workers that can run tasks. */
export class WorkerHeap {
  readonly #heap: WorkerState[] = [];

  /** How many workers can run tasks. */
  get size(): number {
    return this.#heap.length;
  }

  /** The least loaded worker; undefined when there is none. */
  get least(): WorkerState | undefined {
    return this.#heap[0];
  }

  /** Adds a worker. */
  add(ws: WorkerState): void {
    ws.heapIndex = this.#heap.length;
    this.#heap.push(ws);
    this.#up(ws, ws.heapIndex);
  }

  /** Removes a worker. */
  remove(ws: WorkerState): void {
    const index = ws.heapIndex;
    if (index < 0) return;
    ws.heapIndex = -1;
    const last = this.#heap.pop() as WorkerState;
    if (last === ws) return;
    this.#heap[index] = last;
    last.heapIndex = index;
    this.update(last);
  }

  /** The loads of several workers have changed: puts all in order again. */
  rebuild(): void {
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) this.#down(this.#heap[i], i);
  }

  /**
   * A worker's load has changed. To be called before that of another one changes, because only one
   * worker at a time may be out of place.
   */
  update(ws: WorkerState): void {
    if (ws.heapIndex < 0) return;
    if (this.#up(ws, ws.heapIndex) === false) this.#down(ws, ws.heapIndex);
  }

  /** Whether every worker stands where its load puts it; for checks. */
  isOrdered(): boolean {
    const heap = this.#heap;
    return heap.every((ws, i) =>
      ws.heapIndex === i && (i === 0 || !isLessLoaded(ws, heap[(i - 1) >> 1]))
    );
  }

  #up(ws: WorkerState, index: number): boolean {
    const heap = this.#heap;
    const start = index;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = heap[parentIndex];
      if (!isLessLoaded(ws, parent)) break;
      heap[index] = parent;
      parent.heapIndex = index;
      index = parentIndex;
    }
    if (index === start) return false;
    heap[index] = ws;
    ws.heapIndex = index;
    return true;
  }

  #down(ws: WorkerState, index: number): void {
    const heap = this.#heap;
    const size = heap.length;
    const start = index;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= size) break;
      if (childIndex + 1 < size && isLessLoaded(heap[childIndex + 1], heap[childIndex])) {
        childIndex++;
      }
      const child = heap[childIndex];
      if (!isLessLoaded(child, ws)) break;
      heap[index] = child;
      child.heapIndex = index;
      index = childIndex;
    }
    if (index === start) return;
    heap[index] = ws;
    ws.heapIndex = index;
  }
}

/**
 * Whether worker `a` would start a task before `b`: less work per thread; on a tie, fewer tasks
 * (processing and in memory) per thread; then less data. Both have threads. What is compared is one
 * rounded number of each worker: products of both could be unequal in a circle.
 */
export function isLessLoaded(a: WorkerState, b: WorkerState): boolean {
  const work = a.occupancy / a.nthreads - b.occupancy / b.nthreads;
  if (work !== 0) return work < 0;
  const tasks = (a.load + a.hasWhat.size) / a.nthreads -
    (b.load + b.hasWhat.size) / b.nthreads;
  if (tasks !== 0) return tasks < 0;
  return a.nbytes < b.nbytes;
}
