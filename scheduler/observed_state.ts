/**
 * The scheduler's state for onlookers: what anyone may ask about it, what has happened, and the plugins
 * that are told what happens. Nothing here changes what the scheduler does.
 *
 * @module
 */
import type { RunSpecReply } from "../protocol/messages.ts";
import type { SchedulerEvent } from "./event_log.ts";
import type { SchedulerPlugin } from "./plugin.ts";
import * as queries from "./queries.ts";
import { coerceWorker, workersList } from "./restrictions.ts";
import { runSpecOf } from "./run_spec_query.ts";
import { SchedulerState } from "./state.ts";
import type { TransitionRecord } from "./transition_log.ts";
import { workersToClose, type WorkersToCloseOptions } from "./workers_to_close.ts";

/** The state, and what can be seen of it. */
export class ObservedState extends SchedulerState {
  /** Workers that hold results. @param keys The results; absent: all. @returns Addresses by key. */
  whoHas(keys?: string[]): Record<string, string[]> {
    return queries.whoHas(this, keys);
  }

  /** Results that workers hold. @param workers Addresses, names or hosts; absent: all. @returns Keys by address. */
  hasWhat(workers?: string[]): Record<string, string[]> {
    return queries.hasWhat(this, workers);
  }

  /** Threads of workers. @param workers Addresses, names or hosts; absent: all. @returns Number by address. */
  ncores(workers?: string[]): Record<string, number> {
    return queries.ncores(this, workers);
  }

  /** Sizes of results. @param keys The results; absent: all. @param summary Sum up by prefix. @returns Bytes by key. */
  nbytes(keys?: string[], summary?: boolean): Record<string, number> {
    return queries.nbytes(this, keys, summary);
  }

  /** Tasks that workers have. @param workers Addresses, names or hosts; absent: all. @returns Keys by address. */
  processing(workers?: string[]): Record<string, string[]> {
    return queries.processing(this, workers);
  }

  /** How to run a task; of one that failed because of another, that one. @param key The task. */
  runSpec(key: string): RunSpecReply {
    return runSpecOf(this, key);
  }

  /** Who is there. */
  identity(): queries.SchedulerIdentity {
    return queries.identity(this);
  }

  /** Addresses of the workers that are meant. @param workers Addresses, names or hosts; absent: all. */
  workersList(workers?: string[]): string[] {
    return workersList(this, workers).map((ws) => ws.address);
  }

  /** Workers that can be closed at low cost; see `workers_to_close.ts`. @param options What to look for. */
  workersToClose(options?: WorkersToCloseOptions): string[] {
    return workersToClose(this, options);
  }

  /** Address of the worker with this address or name; null when there is none. @param worker Address or name. */
  coerceAddress(worker: string): string | null {
    return coerceWorker(this, worker)?.address ?? null;
  }

  /** What became of tasks, oldest first. @param keys The tasks; none: all. */
  transitionStory(...keys: string[]): TransitionRecord[] {
    return this.log.story(keys);
  }

  /** What happened. @param topic What it is about; absent: everything, by time. */
  events(topic?: string): SchedulerEvent[] {
    return this.eventLog.get(topic);
  }

  /** Records an event. @param topic What it is about. @param message What happened. @param now Seconds. */
  logEvent(topic: string, message: unknown, now: number): void {
    this.eventLog.add(topic, message, now);
  }

  /**
   * Adds a plugin.
   * @param plugin The plugin.
   * @throws {TypeError} When it is not a plugin.
   */
  addPlugin(plugin: SchedulerPlugin): void {
    if (typeof plugin !== "object" || plugin === null) {
      throw new TypeError(`addPlugin: plugin must be a SchedulerPlugin, got ${plugin}`);
    }
    this.plugins.push(plugin);
    if (plugin.transition !== undefined) this.transitionPlugins.push(plugin);
  }

  /** Removes a plugin. @param plugin The plugin; ignored when it was not added. */
  removePlugin(plugin: SchedulerPlugin): void {
    for (const list of [this.plugins, this.transitionPlugins]) {
      const index = list.indexOf(plugin);
      if (index >= 0) list.splice(index, 1);
    }
  }
}
