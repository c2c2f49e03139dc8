/**
 * What a nanny and its worker's process say to each other. The nanny writes lines of JSON to the
 * process's standard input: first the settings, later orders; its end is the sign that the nanny is
 * gone. The process answers with lines of JSON on its standard output, among all that tasks print there;
 * each begins with a mark that only the two know, so that no task can speak in the worker's name.
 *
 * @module
 */
import type { SecurityOptions } from "../comm/security.ts";
import type { ClusterWorkerOptions } from "./worker_options.ts";

/** Longest line that either side takes, in UTF-16 units. */
export const LONGEST_LINE = 1_000_000;
/** Longest text of an error or a reason that is passed on, in UTF-16 units. */
const LONGEST_TEXT = 1_000;

/** The first line: all that the process must know. Holds secrets; so it never is on a command line. */
export interface ChildSettings {
  /** Options of the worker; those that JSON cannot carry stand apart. */
  worker: Omit<ClusterWorkerOptions, "security" | "nanny">;
  /** Options of the worker's `Security`; absent: it has none. */
  security?: SecurityOptions;
  /** What the scheduler knows the nanny by; absent: a worker that is not to be started anew. */
  nanny?: string;
  /** Modules to load before the worker starts. */
  preload: string[];
  /** What the program that started the nanny wants its child to know, such as how to log. */
  program: Record<string, unknown>;
  /** What lines of the process begin with. */
  mark: string;
  /** What the environment of all processes that tasks start has in it. */
  cookie: string;
  /** Whether the process leads a process group of its own. */
  leadsGroup: boolean;
  /** How often to tell its memory, in seconds; 0: never, since the nanny sees it. */
  reportInterval: number;
}

/** What a nanny says after the settings. */
export interface ToChild {
  op: "leave";
  /** Why, for the scheduler's log. */
  reason: string;
  /** Whether what only this worker holds is handed to others first. */
  handOver: boolean;
}

/** What a process says. */
export type FromChild =
  /** It has joined the cluster. */
  | { op: "joined"; address: string }
  /** It holds so much memory, in bytes. */
  | { op: "memory"; rss: number }
  /** See `NannyHandle`. */
  | { op: "restart"; reason: string }
  | { op: "leaving"; reason: string }
  /** It could not start, or go on. `name` is the class of the error. */
  | { op: "failed"; name: string; message: string };

/** A line for the other side. */
export function encodeLine(message: ChildSettings | ToChild | FromChild, mark = ""): string {
  return `${mark}${JSON.stringify(message)}\n`;
}

/** A text that is not too long to be passed on. */
export function shortened(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}

/** Tells what a worker's process says from what is printed by its tasks. */
export class MarkedLines {
  readonly #mark: string;
  readonly #onText: (text: string) => void;
  readonly #onMessage: (message: FromChild) => void;
  #rest = "";

  /**
   * @param mark What a line of the process begins with.
   * @param onText Takes what is printed.
   * @param onMessage Takes what the process says.
   */
  constructor(
    mark: string,
    onText: (text: string) => void,
    onMessage: (message: FromChild) => void,
  ) {
    this.#mark = mark;
    this.#onText = onText;
    this.#onMessage = onMessage;
  }

  /** More output has come. */
  push(text: string): void {
    this.#rest += text;
    for (;;) {
      const begin = this.#rest.indexOf(this.#mark);
      if (begin < 0) return this.#print(this.#rest.length - this.#halfMark());
      this.#print(begin);
      const end = this.#rest.indexOf("\n");
      if (end < 0) {
        if (this.#rest.length > LONGEST_LINE) this.#rest = "";
        return;
      }
      const message = parse(this.#rest.slice(this.#mark.length, end));
      // Torn apart by what a task has printed in its middle: shown, so that somebody may notice.
      if (message === undefined) {
        this.#print(end + 1);
      } else {
        this.#rest = this.#rest.slice(end + 1);
        this.#onMessage(message);
      }
    }
  }

  /** No more output comes. */
  end(): void {
    this.#print(this.#rest.length);
  }

  #print(length: number): void {
    if (length === 0) return;
    this.#onText(this.#rest.slice(0, length));
    this.#rest = this.#rest.slice(length);
  }

  /** How much of the end may be the beginning of a mark. */
  #halfMark(): number {
    for (let length = Math.min(this.#mark.length - 1, this.#rest.length); length > 0; length--) {
      if (this.#rest.endsWith(this.#mark.slice(0, length))) return length;
    }
    return 0;
  }
}

function parse(line: string): FromChild | undefined {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
