/**
 * Catches misspelt options of a local cluster before anything is started.
 *
 * @module
 */
import type { LocalClusterOptions } from "./local_cluster.ts";

/** Each option there is, so that the compiler sees when one is missing here. */
const NAMES: Readonly<Record<keyof LocalClusterOptions, true>> = {
  nWorkers: true,
  threadsPerWorker: true,
  processes: true,
  nanny: true,
  host: true,
  schedulerPort: true,
  name: true,
  resources: true,
  memoryLimit: true,
  localDirectory: true,
  permissions: true,
  validate: true,
  silenceLogs: true,
  startTimeout: true,
  scheduler: true,
  worker: true,
  security: true,
};

/**
 * Checks that options are ones that there are, and that `processes` and `nanny` are booleans: a text such
 * as "no" would count as true.
 *
 * @throws {TypeError} Which option is wrong, and what there is.
 */
export function checkClusterOptions(options: LocalClusterOptions): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `the options of a LocalCluster must be an object such as { nWorkers: 2 }, got ${options}`,
    );
  }
  for (const name in options) {
    if (!Object.hasOwn(NAMES, name)) {
      throw new TypeError(
        `a LocalCluster has no option "${name}"; there are ${Object.keys(NAMES).join(", ")}`,
      );
    }
  }
  for (const name of ["processes", "nanny"] as const) {
    const value: unknown = options[name];
    if (value !== undefined && typeof value !== "boolean") {
      throw new TypeError(`${name} must be true or false, got ${JSON.stringify(value)}`);
    }
  }
}
