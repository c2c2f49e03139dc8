/**
 * What the scheduler keeps on one client.
 *
 * @module
 */
import type { SchedulerToClient } from "../protocol/messages.ts";
import type { TaskState } from "./task_state.ts";

/** One client. */
export class ClientState {
  /** Name of the client. */
  readonly id: string;
  /** Tasks whose results it wants kept. */
  readonly wantsWhat: Set<TaskState> = new Set();
  /** Messages that wait to be sent. */
  outbox: SchedulerToClient[] = [];
  /** Whether the client has left. */
  gone = false;

  /** @param id Name of the client. */
  constructor(id: string) {
    this.id = id;
  }
}
