/**
 * What follows from a peer's answer to a gather: the data is here, or is sought elsewhere, or the
 * tasks that need it are given up.
 *
 * @module
 */
import type { Peer } from "./peer.ts";
import type { TaskMachine } from "./task_machine.ts";
import type { TaskState } from "./task_state.ts";

/** How many keys are remembered that were not where they should be. */
const SUSPICIOUS_LIMIT = 10_000;
/** How long a busy peer is left alone at first, and at most, in seconds. */
const REST_SECONDS = 0.01;
const LONGEST_REST = 1;

/** Takes the answers of peers. */
export class GatherAnswers {
  /** How often a piece of data was not where it was expected, by key. */
  readonly suspicious: Map<string, number> = new Map();
  readonly #machine: TaskMachine;
  readonly #random: () => number;

  /**
   * @param machine The states of the keys.
   * @param random A number from 0 up to 1, as `Math.random`.
   */
  constructor(machine: TaskMachine, random: () => number) {
    this.#machine = machine;
    this.#random = random;
  }

  /** The peer has sent what it has of what it was asked for: sizes in bytes, by key. */
  succeeded(worker: string, received: ReadonlyMap<string, number>): void {
    const machine = this.#machine;
    const peer = this.#asked(worker);
    if (peer === undefined) return;
    peer.busyReplies = 0;
    const added: string[] = [];
    const absent: TaskState[] = [];
    for (const task of machine.gathering.ended(peer)) {
      if (!this.#isInFlightFrom(task, peer)) continue;
      const nbytes = received.get(task.key);
      if (nbytes === undefined && task.isWanted) {
        absent.push(task);
      } else if (nbytes === undefined || task.stale || !task.isWanted || task.isUnderWay) {
        machine.transitionFlightWaiting(task, worker);
      } else {
        this.suspicious.delete(task.key);
        // A copy that was asked for is answered for by the machine.
        if (!task.acquired) added.push(task.key);
        machine.transitionArrived(task, nbytes);
      }
    }
    if (added.length > 0) machine.messages.push({ op: "add-keys", keys: added });
    // Last, for it may end the need for others: these are worth keeping once they are here.
    for (const task of absent) this.#seekElsewhere(task, peer);
  }

  /** The peer has too much to do. */
  busy(worker: string): void {
    const machine = this.#machine;
    const peer = this.#asked(worker);
    if (peer === undefined) return;
    machine.gathering.setResting(peer, true);
    const tasks = machine.gathering.ended(peer);
    const longest = Math.min(LONGEST_REST, REST_SECONDS * 2 ** Math.min(peer.busyReplies++, 20));
    const seconds = longest * (0.5 + 0.5 * this.#random());
    machine.actions.push({ type: "rest", worker, seconds });
    for (const task of tasks) {
      if (this.#isInFlightFrom(task, peer)) machine.transitionFlightWaiting(task, "busy");
    }
  }

  /** The peer has rested. */
  rested(worker: string): void {
    const { gathering } = this.#machine;
    const peer = gathering.peers.get(worker);
    if (peer !== undefined && peer.resting) gathering.setResting(peer, false);
  }

  /** The peer cannot be reached. */
  failed(worker: string): void {
    const machine = this.#machine;
    const { gathering } = machine;
    const peer = this.#asked(worker);
    if (peer === undefined) return;
    const tasks = gathering.ended(peer);
    for (const task of gathering.wantedFrom(peer)) {
      // Giving up a dependent of one may have ended the need for the next.
      if (task.data !== "waiting") continue;
      gathering.removeHolder(task, peer);
      if (task.holders!.length === 0) machine.loseHolders(task);
    }
    for (const task of tasks) this.#seekElsewhere(task, peer);
  }

  /** The peer, if a gather from it is under way. */
  #asked(worker: string): Peer | undefined {
    const peer = this.#machine.gathering.peers.get(worker);
    return peer === undefined || peer.inFlight === null ? undefined : peer;
  }

  #seekElsewhere(task: TaskState, peer: Peer): void {
    if (!this.#isInFlightFrom(task, peer)) return;
    this.#suspect(task.key);
    this.#machine.gathering.removeHolder(task, peer);
    this.#machine.transitionFlightWaiting(task, peer.address);
  }

  /** Whether the answer is still about this task: it may have been forgotten, or computed here. */
  #isInFlightFrom(task: TaskState, peer: Peer): boolean {
    return task.data === "flight" && task.source === peer &&
      this.#machine.tasks.get(task.key) === task;
  }

  #suspect(key: string): void {
    const { suspicious } = this;
    const count = suspicious.get(key) ?? 0;
    if (count === 0 && suspicious.size >= SUSPICIOUS_LIMIT) suspicious.clear();
    suspicious.set(key, count + 1);
  }
}
