/**
 * The demo's answer as text: a table of the busiest airports, and a line for each hour of the day.
 *
 * @module
 */
import type { Summary, Sums } from "./delays.ts";

const AIRPORTS = 12;
const BAR = 30;
const HOURLY = 100;

/** The summary as lines to print. */
export function report(summary: Summary, cities: Map<string, string>): string {
  const busiest = [...summary.byOrigin]
    .sort(([, a], [, b]) => b.flights - a.flights)
    .slice(0, AIRPORTS);
  const lines = [
    `The ${AIRPORTS} busiest airports of ${summary.byOrigin.size}`,
    row("airport", "", "flights", "mean delay", "15 min late"),
  ];
  for (const [code, sums] of busiest) {
    lines.push(row(code, cities.get(code) ?? "", ...figures(sums)));
  }
  lines.push("", "Mean delay by hour of departure");
  // An hour with a handful of flights says nothing.
  const hours = [...summary.byHour]
    .filter(([, { flights }]) => flights >= HOURLY)
    .sort(([a], [b]) => a - b);
  const most = Math.max(...hours.map(([, sums]) => mean(sums)));
  for (const [hour, sums] of hours) {
    const length = Math.max(0, Math.round(mean(sums) / most * BAR));
    const time = `${String(hour).padStart(2, "0")}:00`;
    lines.push(`${time} ${mean(sums).toFixed(1).padStart(6)} min  ${"#".repeat(length)}`.trimEnd());
  }
  return lines.join("\n");
}

function mean({ delay, flights }: Sums): number {
  return delay / flights;
}

function figures(sums: Sums): [string, string, string] {
  const late = `${(100 * sums.late / sums.flights).toFixed(1)} %`;
  return [String(sums.flights), `${mean(sums).toFixed(1)} min`, late];
}

function row(code: string, city: string, flights: string, delay: string, late: string): string {
  return [
    code.padEnd(8),
    city.padEnd(24),
    flights.padStart(8),
    delay.padStart(12),
    late.padStart(13),
  ].join("");
}
