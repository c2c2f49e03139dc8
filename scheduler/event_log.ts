/**
 * What happened in the cluster, by topic: structured events that a person or a program can ask for
 * later. Bounded in topics and in events per topic.
 *
 * @module
 */

/** One entry of the event log. */
export interface SchedulerEvent {
  /** What it is about: `worker`, `client`, `stealing`, a name of the user's, … */
  topic: string;
  /** Scheduler's time in seconds. */
  time: number;
  /** What happened. */
  message: unknown;
}

/** How many topics there may be; a new one then takes the place of the one that was opened first. */
const TOPICS_KEPT = 1000;

/** Events by topic, each topic a ring. */
export class EventLog {
  readonly #length: number;
  readonly #topics = new Map<string, { events: SchedulerEvent[]; next: number }>();

  /** @param length How many events are remembered per topic. */
  constructor(length: number) {
    this.#length = length;
  }

  /** Records an event. */
  add(topic: string, message: unknown, time: number): void {
    if (this.#length === 0) return;
    let ring = this.#topics.get(topic);
    if (ring === undefined) {
      if (this.#topics.size >= TOPICS_KEPT) {
        this.#topics.delete(this.#topics.keys().next().value as string);
      }
      ring = { events: [], next: 0 };
      this.#topics.set(topic, ring);
    }
    ring.events[ring.next] = { topic, time, message };
    ring.next = (ring.next + 1) % this.#length;
  }

  /** The remembered events of a topic, or of all topics by time; oldest first. */
  get(topic?: string): SchedulerEvent[] {
    if (topic !== undefined) {
      const ring = this.#topics.get(topic);
      if (ring === undefined) return [];
      const { events, next } = ring;
      if (events.length < this.#length) return events.slice();
      return events.slice(next).concat(events.slice(0, next));
    }
    const all: SchedulerEvent[] = [];
    for (const name of this.#topics.keys()) all.push(...this.get(name));
    return all.sort((a, b) => a.time - b.time);
  }
}
