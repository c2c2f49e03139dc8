/**
 * Which data to fetch from which peer next. Knows who holds what is needed here; takes the most
 * urgent piece first, from a random idle holder, and with it whatever else is wanted from there.
 *
 * @module
 */
import { comesBefore } from "./heap.ts";
import { Holding, Peer } from "./peer.ts";
import type { TaskState } from "./task_state.ts";

/** Counts for a piece whose size nobody told, in bytes. */
const UNKNOWN_NBYTES = 1000;

/** A gather that should begin. */
export interface Gather {
  peer: Peer;
  tasks: TaskState[];
  /** Expected size of all, in bytes. */
  nbytes: number;
}

/** Limits of {@linkcode Gathering}. */
export interface GatheringLimits {
  /** Most gathers at once. */
  totalConnections: number;
  /** Most bytes asked for in one gather, unless its first piece alone is larger. */
  maxGatherBytes: number;
  /** Most pieces asked for in one gather. */
  maxGatherKeys: number;
  /** Most bytes on their way at once, unless a single gather has more. */
  maxIncomingBytes: number;
}

/** The data that is waiting or in flight, and the peers that hold it. */
export class Gathering {
  /** The peers that hold something wanted, or that are at it. */
  readonly peers: Map<string, Peer> = new Map();
  /** How many gathers are under way. */
  active = 0;
  /** How many bytes are on their way. */
  incomingBytes = 0;
  readonly #limits: GatheringLimits;
  readonly #random: () => number;
  /** How many holdings could be asked for: 0 lets {@linkcode next} answer at once. */
  #wanted = 0;

  /**
   * @param limits What to stay below.
   * @param random A number from 0 up to 1, as `Math.random`.
   */
  constructor(limits: GatheringLimits, random: () => number) {
    this.#limits = limits;
    this.#random = random;
  }

  /** Set who holds the task's data: replaces what was known. `self` is left out. */
  setHolders(task: TaskState, addresses: readonly string[], self: string): void {
    if (isKnown(task.holders, addresses)) return;
    const queued = task.data === "waiting";
    this.forgetHolders(task);
    const holders: Holding[] = [];
    for (let i = 0; i < addresses.length; i++) {
      const address = addresses[i];
      if (address === self) {
        // The scheduler took it to be here, and it is not.
        noteLoss(task, self);
        continue;
      }
      if (addresses.indexOf(address) < i) continue;
      let peer = this.peers.get(address);
      if (peer === undefined) this.peers.set(address, peer = new Peer(address));
      peer.holdings++;
      const holding = new Holding(peer, task);
      holders.push(holding);
      if (queued) this.#push(holding);
    }
    task.holders = holders;
  }

  /** Forget who holds the task's data. */
  forgetHolders(task: TaskState): void {
    const holders = task.holders;
    if (holders === null) return;
    for (let i = 0; i < holders.length; i++) {
      this.#take(holders[i]);
      this.#release(holders[i].peer);
    }
    task.holders = null;
  }

  /** That peer does not hold the task's data after all. */
  removeHolder(task: TaskState, peer: Peer): void {
    const holders = task.holders;
    noteLoss(task, peer.address);
    if (holders === null) return;
    const at = holders.findIndex((holding) => holding.peer === peer);
    if (at < 0) return;
    this.#take(holders[at]);
    holders.splice(at, 1);
    this.#release(peer);
  }

  /** The task's data is waiting (again): queue it with each of its holders. */
  enqueue(task: TaskState): void {
    task.data = "waiting";
    const holders = task.holders!;
    for (let i = 0; i < holders.length; i++) {
      if (holders[i].heapIndex < 0) this.#push(holders[i]);
    }
  }

  /** The task's data has become more urgent. */
  hasten(task: TaskState): void {
    const holders = task.holders;
    if (holders === null) return;
    for (let i = 0; i < holders.length; i++) {
      const queued = holders[i].heapIndex >= 0;
      if (queued) this.#take(holders[i]);
      holders[i].priority = task.wantedPriority;
      if (queued) this.#push(holders[i]);
    }
  }

  /**
   * The gather to begin now; its tasks are in flight from here on. Undefined when there is nothing to
   * fetch, no holder is idle, or enough is under way.
   */
  next(): Gather | undefined {
    if (this.#wanted === 0 || this.isFull) return undefined;
    let best: Holding | undefined;
    for (const peer of this.peers.values()) {
      if (!peer.isIdle) continue;
      const first = peer.wanted.peek();
      if (first === undefined) continue;
      if (best === undefined || comesBefore(first.priority, best.priority)) best = first;
    }
    if (best === undefined) return undefined;

    const peer = this.#randomIdleHolder(best.task);
    const tasks = [best.task];
    const { maxGatherBytes, maxGatherKeys, maxIncomingBytes } = this.#limits;
    const most = Math.min(maxGatherBytes, maxIncomingBytes - this.incomingBytes);
    let nbytes = expectedNbytes(best.task);
    this.#depart(best.task, peer);
    for (;;) {
      const more = peer.wanted.peek()?.task;
      if (more === undefined || tasks.length >= maxGatherKeys) break;
      const size = expectedNbytes(more);
      if (nbytes + size > most) break;
      nbytes += size;
      tasks.push(more);
      this.#depart(more, peer);
    }
    peer.inFlight = tasks;
    peer.inFlightBytes = nbytes;
    this.active++;
    this.incomingBytes += nbytes;
    return { peer, tasks, nbytes };
  }

  /** Whether enough is under way. */
  get isFull(): boolean {
    const { totalConnections, maxIncomingBytes } = this.#limits;
    return this.active >= totalConnections || this.incomingBytes >= maxIncomingBytes;
  }

  /** The gather from a peer has ended. Returns what was asked for, in the order asked. */
  ended(peer: Peer): TaskState[] {
    const tasks = peer.inFlight!;
    peer.inFlight = null;
    this.active--;
    this.incomingBytes -= peer.inFlightBytes;
    peer.inFlightBytes = 0;
    this.#forgetIfIdle(peer);
    return tasks;
  }

  /** Let a peer rest, or end its rest. */
  setResting(peer: Peer, resting: boolean): void {
    peer.resting = resting;
    if (!resting) this.#forgetIfIdle(peer);
  }

  /** What is wanted from a peer and not in flight. */
  wantedFrom(peer: Peer): TaskState[] {
    return peer.wanted.items().map((holding) => holding.task);
  }

  #depart(task: TaskState, peer: Peer): void {
    const holders = task.holders!;
    for (let i = 0; i < holders.length; i++) this.#take(holders[i]);
    task.data = "flight";
    task.source = peer;
    task.stale = false;
  }

  #randomIdleHolder(task: TaskState): Peer {
    const holders = task.holders!;
    let idle = 0;
    for (let i = 0; i < holders.length; i++) if (holders[i].peer.isIdle) idle++;
    let pick = idle === 1 ? 0 : Math.floor(this.#random() * idle);
    for (let i = 0;; i++) {
      if (holders[i].peer.isIdle && pick-- === 0) return holders[i].peer;
    }
  }

  #push(holding: Holding): void {
    holding.peer.wanted.push(holding);
    this.#wanted++;
  }

  #take(holding: Holding): void {
    if (holding.heapIndex < 0) return;
    holding.peer.wanted.remove(holding);
    this.#wanted--;
  }

  #release(peer: Peer): void {
    peer.holdings--;
    this.#forgetIfIdle(peer);
  }

  #forgetIfIdle(peer: Peer): void {
    if (peer.holdings === 0 && peer.isIdle) this.peers.delete(peer.address);
  }
}

/** Whether these very holders are known already: many tasks may need the same data. */
function isKnown(holders: readonly Holding[] | null, addresses: readonly string[]): boolean {
  if (holders === null || holders.length !== addresses.length) return false;
  for (let i = 0; i < addresses.length; i++) {
    if (holders[i].peer.address !== addresses[i]) return false;
  }
  return true;
}

function expectedNbytes(task: TaskState): number {
  return task.nbytes >= 0 ? task.nbytes : UNKNOWN_NBYTES;
}

function noteLoss(task: TaskState, address: string): void {
  if (task.lostAt === null) task.lostAt = [address];
  else if (!task.lostAt.includes(address)) task.lostAt.push(address);
}
