/**
 * The demo's question, how late flights are by airport and by hour, answered in two ways that share
 * nothing but what late means: as tasks for a cluster (a summary of each part, then summaries two by
 * two), and as one plain loop.
 *
 * @module
 */
import type { Flight } from "./flights.ts";

/** Sums over some flights. */
export interface Sums {
  flights: number;
  /** Minutes. */
  delay: number;
  /** Flights that were at least 15 minutes late. */
  late: number;
}

/** What is known of some flights. */
export interface Summary {
  byOrigin: Map<string, Sums>;
  /** By hour of departure, 0 to 23. */
  byHour: Map<number, Sums>;
}

/** So many minutes make a flight late. */
const LATE = 15;

/** Add to the sums of a key. */
function add<K>(sums: Map<K, Sums>, key: K, { flights, delay, late }: Sums): void {
  const sum = sums.get(key) ?? { flights: 0, delay: 0, late: 0 };
  sums.set(key, {
    flights: sum.flights + flights,
    delay: sum.delay + delay,
    late: sum.late + late,
  });
}

/** Task: the summary of one part of the flights. What it uses of this module travels with it. */
export function summarize(flights: Flight[]): Summary {
  const summary: Summary = { byOrigin: new Map(), byHour: new Map() };
  for (const { origin, date, delay } of flights) {
    const one = { flights: 1, delay, late: delay >= LATE ? 1 : 0 };
    add(summary.byOrigin, origin, one);
    add(summary.byHour, Number(date.slice(11, 13)), one);
  }
  return summary;
}

/** Task: the summary of two parts together. */
export function combine(left: Summary, right: Summary): Summary {
  const merge = <K>(a: Map<K, Sums>, b: Map<K, Sums>) => {
    const merged = new Map(a);
    for (const [key, sums] of b) add(merged, key, sums);
    return merged;
  };
  return {
    byOrigin: merge(left.byOrigin, right.byOrigin),
    byHour: merge(left.byHour, right.byHour),
  };
}

/** The same answer without tasks: group all flights, then add up each group. */
export function computeHere(flights: Flight[]): Summary {
  const sums = (group: Flight[] = []): Sums => ({
    flights: group.length,
    delay: group.reduce((minutes, { delay }) => minutes + delay, 0),
    late: group.filter(({ delay }) => delay >= LATE).length,
  });
  const sumsOf = <K>(groups: Map<K, Flight[]>) =>
    new Map([...groups].map(([key, group]) => [key, sums(group)]));
  return {
    byOrigin: sumsOf(Map.groupBy(flights, ({ origin }) => origin)),
    byHour: sumsOf(Map.groupBy(flights, ({ date }) => Number(date.split(" ")[1].split(":")[0]))),
  };
}
