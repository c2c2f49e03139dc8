/**
 * Runs simulations by seed: `deno task simulate 17`, or many: `deno task simulate 1 1000`.
 *
 * @module
 */
import { Simulation } from "./simulation.ts";

const [first, last = first] = Deno.args.map(Number);
if (!Number.isInteger(first) || !Number.isInteger(last)) {
  console.error("usage: deno task simulate SEED [LAST_SEED]");
  Deno.exit(2);
}
let failed = 0;
for (let seed = first; seed <= last; seed++) {
  const simulation = new Simulation(seed);
  try {
    simulation.run();
    if (first === last) console.log(`simulation ${seed}: ${simulation.time.steps} steps, all well`);
  } catch (error) {
    failed++;
    if (first === last) throw error;
    console.error(String(error).split("\n")[0]);
  }
}
if (last > first) console.log(`${last - first + 1 - failed} passed, ${failed} failed`);
if (failed > 0) Deno.exit(1);
