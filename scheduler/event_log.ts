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

/** The events of one topic; the oldest is at `next` once there are as many as are kept. */
interface Ring {
  readonly entries: { event: SchedulerEvent; order: number }[];
  next: number;
}

/** Events by topic, each topic a ring. */
export class EventLog {
  readonly #length: number;
  readonly #topics = new Map<string, Ring>();
  #count = 0;

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
      ring = { entries: [], next: 0 };
      this.#topics.set(topic, ring);
    }
    ring.entries[ring.next] = { event: { topic, time, message }, order: this.#count++ };
    ring.next = (ring.next + 1) % this.#length;
  }

  /** The remembered events of a topic, or of all topics; oldest first. */
  get(topic?: string): SchedulerEvent[] {
    const rings = topic === undefined ? [...this.#topics.values()] : [this.#topics.get(topic)];
    return rings.flatMap((ring) => ring?.entries ?? [])
      .sort((a, b) => a.order - b.order)
      .map((entry) => entry.event);
  }
}
