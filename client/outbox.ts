/**
 * What the client has to say to the scheduler in one turn of the event loop. Submissions of a turn
 * become one graph, and calls in a row with the same function and options one group of it; the order
 * of everything is kept. Code travels with the first message that refers to it, once.
 *
 * @module
 */
import type { ClientMessage, CodePart, TaskGroup, UpdateGraph } from "../protocol/messages.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { HeldParts } from "./held_parts.ts";

/** Options of tasks as they travel. Two groups with the same object have the same options. */
export type GroupOptions = Pick<
  TaskGroup,
  "workers" | "allowOtherWorkers" | "resources" | "priority" | "retries" | "timeout"
>;

/** Names of parts that something refers to, and the parts: those, and all that they need. */
export interface NeededParts {
  readonly needs: readonly string[];
  readonly parts: ReadonlyMap<string, CodePart>;
}

/** What tasks need besides their arguments. */
export interface TaskCode {
  /** Name of the function's part. */
  readonly function: string;
  /** The function's part, and all that it needs. */
  readonly parts: ReadonlyMap<string, CodePart>;
  /** What the arguments refer to. */
  readonly others: readonly NeededParts[];
}

/** A graph is cut here, so that no message grows without bound. */
const maxTasks = 50_000;
const maxBytes = 64 * 2 ** 20;
/** Calls in a row share a group, and what it needs; up to here, or each would have what all need. */
const maxSharedNeeds = 16;

/** Messages of one turn, sent together at its end. */
export class Outbox {
  /** How many graphs and data there have been on this connection. */
  updates = 0;
  #messages: ClientMessage[] = [];
  #graph: UpdateGraph | undefined;
  #group: TaskGroup | undefined;
  #options: GroupOptions | undefined;
  /** What the arguments of the last task refer to. */
  #others: readonly NeededParts[] | undefined;
  #tasks = 0;
  #bytes = 0;
  #scheduled = false;
  #held = false;
  readonly #parts: HeldParts;
  readonly #send: (messages: ClientMessage[]) => void;

  /**
   * @param send Takes the messages of a turn.
   * @param parts What the scheduler holds; for tests.
   */
  constructor(send: (messages: ClientMessage[]) => void, parts: HeldParts = new HeldParts()) {
    this.#send = send;
    this.#parts = parts;
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

  /** Forget what has not been sent, and what code has been: the next connection begins with nothing. */
  clear(): void {
    this.#messages = [];
    this.#parts.clear();
    this.updates = 0;
    this.#endGraph();
  }

  /** Add one task to the graph of this turn. */
  addTask(
    code: TaskCode,
    options: GroupOptions,
    key: string,
    args: Serialized,
    nbytes: number,
    dependencies: string[] | undefined,
  ): void {
    if (this.#tasks >= maxTasks || this.#bytes >= maxBytes) this.#endGraph();
    let group = this.#group;
    const isLikeLast = group?.function === code.function && this.#options === options;
    if (group === undefined || !isLikeLast || !this.#addNeeds(group, code)) {
      group = this.#addGroup(code, options);
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
    if (message.op === "update-data") this.updates++;
    this.#push(message);
  }

  /**
   * The parts that go with a message which is added next, of those that it needs.
   *
   * @param needed What the message refers to.
   * @returns Parts by name; undefined when the scheduler holds them all.
   */
  partsFor(needed: readonly NeededParts[]): Record<string, CodePart> | undefined {
    const unsent: Record<string, CodePart> = {};
    let any = false;
    const send = (name: string, part: CodePart) => {
      unsent[name] = part;
      any = true;
    };
    for (const { needs, parts } of needed) this.#use(needs, parts, send);
    return any ? unsent : undefined;
  }

  /** Send now. */
  flush(): void {
    this.#scheduled = false;
    if (this.#held || this.#messages.length === 0) return;
    const messages = this.#messages;
    this.#messages = [];
    this.#endGraph();
    const released = this.#parts.endTurn();
    if (released.length > 0) messages.push({ op: "release-parts", parts: released });
    this.#send(messages);
  }

  #addGroup(code: TaskCode, options: GroupOptions): TaskGroup {
    let graph = this.#graph;
    if (graph === undefined) {
      graph = this.#graph = { op: "update-graph", parts: {}, groups: [] };
      this.updates++;
      this.#push(graph);
    }
    const group: TaskGroup = { function: code.function, keys: [], args: [], ...options };
    graph.groups.push(group);
    this.#group = group;
    this.#options = options;
    this.#others = undefined;
    this.#use([code.function], code.parts, this.#addToGraph);
    this.#addNeeds(group, code);
    return group;
  }

  /** Have a group need what a task's arguments refer to; false if that does not go with the others. */
  #addNeeds(group: TaskGroup, { others }: TaskCode): boolean {
    // All tasks of one call of `map` have the same object.
    if (others === this.#others) return true;
    const known = group.needs ?? [];
    const added: string[] = [];
    for (const { needs } of others) {
      for (const name of needs) {
        if (!known.includes(name) && !added.includes(name)) added.push(name);
      }
    }
    if (added.length > 0) {
      if (group.keys.length > 0 && known.length + added.length > maxSharedNeeds) return false;
      group.needs = known.concat(added);
      for (const { needs, parts } of others) this.#use(needs, parts, this.#addToGraph);
    }
    this.#others = others;
    return true;
  }

  readonly #addToGraph = (name: string, part: CodePart): void => {
    this.#graph!.parts[name] = part;
    this.#bytes += part.code.nbytes + (part.origin?.nbytes ?? 0);
  };

  #use(
    names: readonly string[],
    parts: ReadonlyMap<string, CodePart>,
    send: (name: string, part: CodePart) => void,
  ): void {
    if (names.length === 0) return;
    const find = (name: string) => {
      const part = parts.get(name);
      if (part === undefined) throw new Error(`part ${name} is needed, but was not captured`);
      return part;
    };
    for (const name of names) this.#parts.use(name, find, send);
  }

  #endGraph(): void {
    this.#graph = undefined;
    this.#group = undefined;
    this.#options = undefined;
    this.#others = undefined;
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
