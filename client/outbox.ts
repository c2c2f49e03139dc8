/**
 * What the client has to say to the scheduler in one turn of the event loop. Submissions of a turn
 * become one graph, and calls in a row with the same function and options one group of it; the order
 * of everything is kept.
 *
 * @module
 */
import type { ClientMessage, TaskGroup, UpdateGraph } from "../protocol/messages.ts";
import type { Serialized } from "../protocol/serialized.ts";
import type { FunctionCode } from "./functions/function_code.ts";

/** Options of tasks as they travel. Two groups with the same object have the same options. */
export type GroupOptions = Pick<
  TaskGroup,
  "workers" | "allowOtherWorkers" | "resources" | "priority" | "retries" | "timeout"
>;

/** A graph is cut here, so that no message grows without bound. */
const maxTasks = 50_000;
const maxBytes = 64 * 2 ** 20;

/** Messages of one turn, sent together at its end. */
export class Outbox {
  #messages: ClientMessage[] = [];
  #graph: UpdateGraph | undefined;
  #group: TaskGroup | undefined;
  #options: GroupOptions | undefined;
  #tasks = 0;
  #bytes = 0;
  #scheduled = false;
  #held = false;
  readonly #send: (messages: ClientMessage[]) => void;

  /** @param send Takes the messages of a turn. */
  constructor(send: (messages: ClientMessage[]) => void) {
    this.#send = send;
  }

  /** Keep everything until {@linkcode Outbox.resume}: there is no connection. */
  hold(): void {
    this.#held = true;
  }

  /** Send from now on, what has been kept first. */
  resume(): void {
    this.#held = false;
    if (this.#messages.length > 0) this.#schedule();
  }

  /** Forget what has not been sent. */
  clear(): void {
    this.#messages = [];
    this.#endGraph();
  }

  /** Add one task to the graph of this turn. */
  addTask(
    code: FunctionCode,
    options: GroupOptions,
    key: string,
    args: Serialized,
    nbytes: number,
    dependencies: string[] | undefined,
  ): void {
    let graph = this.#graph;
    if (graph === undefined || this.#tasks >= maxTasks || this.#bytes >= maxBytes) {
      this.#endGraph();
      graph = { op: "update-graph", functions: {}, groups: [] };
      this.#graph = graph;
      this.#push(graph);
    }
    let group = this.#group;
    if (group === undefined || group.function !== code.hash || this.#options !== options) {
      group = { function: code.hash, keys: [], args: [], ...options };
      graph.functions[code.hash] = code.code;
      graph.groups.push(group);
      this.#group = group;
      this.#options = options;
    }
    if (dependencies !== undefined && group.dependencies === undefined) {
      group.dependencies = group.keys.map(() => []);
    }
    group.dependencies?.push(dependencies ?? []);
    group.keys.push(key);
    group.args.push(args);
    this.#tasks++;
    this.#bytes += nbytes;
  }

  /** Add a key to those that the client lets go of. */
  addRelease(key: string): void {
    this.#endGraph();
    const last = this.#messages.at(-1);
    if (last?.op === "client-releases-keys") last.keys.push(key);
    else this.#push({ op: "client-releases-keys", keys: [key] });
  }

  /** Add any other message. */
  add(message: ClientMessage): void {
    this.#endGraph();
    this.#push(message);
  }

  /** Send now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#held || this.#messages.length === 0) return;
    const messages = this.#messages;
    this.clear();
    this.#send(messages);
  }

  #endGraph(): void {
    this.#graph = undefined;
    this.#group = undefined;
    this.#options = undefined;
    this.#tasks = 0;
    this.#bytes = 0;
  }

  #push(message: ClientMessage): void {
    this.#messages.push(message);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#held) return;
    this.#scheduled = true;
    queueMicrotask(() => this.flush());
  }
}
