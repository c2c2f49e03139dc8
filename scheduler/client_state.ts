/**
 * What the scheduler keeps on one client.
 *
 * @module
 */
import type { SchedulerToClient } from "../protocol/messages.ts";
import type { PartState } from "./part_registry.ts";
import { sharedSetOf, type SmallSet } from "./small_set.ts";
import type { TaskState } from "./task_state.ts";

/** One client. */
export class ClientState {
  /** Name of the client. */
  readonly id: string;
  /** Tasks whose results it wants kept. */
  readonly wantsWhat: Set<TaskState> = new Set();
  /** Parts of code that it has sent and may refer to by name. */
  readonly parts: Set<PartState> = new Set();
  /** The set of this client alone, for the many tasks that only it wants. */
  readonly alone: SmallSet<ClientState> = sharedSetOf(this);
  /** How many graphs and data it has sent, and whether it has to be told so before anything else. */
  updates = 0;
  updatesAreNews = false;
  /** Messages that wait to be sent. */
  outbox: SchedulerToClient[] = [];
  /** Whether the client has left. */
  gone = false;

  /** @param id Name of the client. */
  constructor(id: string) {
    this.id = id;
  }
}

/** A client has sent tasks or data: what it is told from now on takes them into account. */
export function countUpdate(cs: ClientState): void {
  cs.updates++;
  cs.updatesAreNews = true;
}
