/**
 * Some hundreds of simulated clusters, each from its own seed.
 *
 * @module
 */
import { Simulation } from "./simulation.ts";

const SEEDS = 400;
const PER_TEST = 50;

for (let first = 1; first <= SEEDS; first += PER_TEST) {
  const last = first + PER_TEST - 1;
  Deno.test(`simulated clusters ${first} to ${last} finish what is wanted and keep nothing else`, () => {
    for (let seed = first; seed <= last; seed++) new Simulation(seed).run();
  });
}
