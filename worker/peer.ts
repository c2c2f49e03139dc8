/**
 * What a worker knows about another worker: the data it wants from there.
 *
 * @module
 */
import type { Priority } from "../protocol/messages.ts";
import { Heap, type HeapItem } from "./heap.ts";
import type { TaskState } from "./task_state.ts";

/** That a peer holds some data which is needed here. */
export class Holding implements HeapItem {
  readonly peer: Peer;
  readonly task: TaskState;
  priority: Priority;
  heapIndex = -1;

  constructor(peer: Peer, task: TaskState) {
    this.peer = peer;
    this.task = task;
    this.priority = task.wantedPriority;
  }
}

/** Another worker that holds something needed here. */
export class Peer {
  readonly address: string;
  /** What is wanted from there and not in flight, the most urgent first. */
  readonly wanted: Heap<Holding> = new Heap();
  /** What is on its way from there; null when no gather is under way. */
  inFlight: TaskState[] | null = null;
  /** Expected size of that, in bytes. */
  inFlightBytes = 0;
  /** It said that it was busy: not to be asked for now. */
  resting = false;
  /** How often in a row it said so. */
  busyReplies = 0;
  /** How many holdings name it. */
  holdings = 0;

  constructor(address: string) {
    this.address = address;
  }

  /** Whether a gather from it may begin. */
  get isIdle(): boolean {
    return this.inFlight === null && !this.resting;
  }
}
