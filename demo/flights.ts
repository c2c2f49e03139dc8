/**
 * Real data for the demo: 20,000 flights in the United States in 2001, and the airports' names, from
 * the package vega-datasets (https://github.com/vega/vega-datasets).
 *
 * @module
 */
import "npm:vega-datasets@3.2.1";

/** One flight. */
export interface Flight {
  /** Departure: "2001/01/13 14:56". */
  date: string;
  /** How late it was, in minutes; negative: early. */
  delay: number;
  /** In miles. */
  distance: number;
  /** Airport codes: "SAN". */
  origin: string;
  destination: string;
}

/** Where the package's data files are on disk, once Deno has installed it. */
const data = new URL("../data/", import.meta.resolve("npm:vega-datasets@3.2.1"));

/** All flights. */
export async function loadFlights(): Promise<Flight[]> {
  return JSON.parse(await Deno.readTextFile(new URL("flights-20k.json", data)));
}

/** Cities by airport code. */
export async function loadCities(): Promise<Map<string, string>> {
  const cities = new Map<string, string>();
  for (const line of (await Deno.readTextFile(new URL("airports.csv", data))).split("\n")) {
    // A line with quotes is of a small airfield that no airline flies to.
    const [code, , city, state] = line.split(",");
    if (!line.includes('"') && state !== undefined) cities.set(code, `${city}, ${state}`);
  }
  return cities;
}
