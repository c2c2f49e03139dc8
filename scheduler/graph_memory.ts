/**
 * The memory of the large arguments and code that clients have sent: used for what comes next, once no
 * task needs it, nothing keeps the code, and all that was to be sent is sent.
 *
 * @module
 */
import type { CodePart, UpdateGraph } from "../protocol/messages.ts";
import { ReceivedMemory } from "../protocol/received_memory.ts";
import type { Serialized } from "../protocol/serialized.ts";

/** Where it can be seen what is still needed. */
export interface GraphHolder {
  /** The tasks by key. */
  readonly tasks: ReadonlyMap<string, { readonly args: Serialized | null }>;
  /** The code by name. */
  readonly parts: { get(name: string): { readonly part: CodePart } | undefined };
}

/** Watches what graphs have brought. */
export class GraphMemory {
  readonly #memory = new ReceivedMemory();
  readonly #holder: GraphHolder;

  /** @param holder Keeps what it takes of the graphs. */
  constructor(holder: GraphHolder) {
    this.#holder = holder;
  }

  /**
   * Watch what a graph has brought.
   *
   * @param graph The holder has taken it; nobody else in this process has it.
   */
  watch({ groups, parts }: UpdateGraph): void {
    const { tasks, parts: code } = this.#holder;
    const memory = this.#memory;
    for (const { keys, args } of groups) {
      for (let i = 0; i < args.length; i++) {
        memory.watch(args[i], (value) => tasks.get(keys[i])?.args === value);
      }
    }
    for (const name in parts) {
      memory.watch(parts[name].code, (value) => code.get(name)?.part.code === value);
    }
  }

  /** Whether there is something to give up, one day. */
  get isEmpty(): boolean {
    return this.#memory.isEmpty;
  }

  /** Give up the memory of what is not needed any more. Nothing may wait to be sent. */
  sweep(): void {
    this.#memory.sweep();
  }
}
