/** How many workers and threads a local cluster has when nobody says it. */
import assert from "node:assert/strict";
import { clusterShape } from "../../deploy/cluster_shape.ts";

/** Shape as a pair, for short. */
function shape(cores: number, processes: boolean, nWorkers?: number, threads?: number) {
  const { nWorkers: n, threadsPerWorker } = clusterShape(cores, processes, nWorkers, threads);
  return [n, threadsPerWorker];
}

Deno.test("in process, one worker has a thread for each core", () => {
  assert.deepEqual(shape(8, false), [1, 8]);
});

Deno.test("processes and threads are about as many on large machines, and use all cores", () => {
  assert.deepEqual(shape(1, true), [1, 1]);
  assert.deepEqual(shape(4, true), [4, 1]);
  assert.deepEqual(shape(8, true), [4, 2]);
  assert.deepEqual(shape(12, true), [4, 3]);
  assert.deepEqual(shape(64, true), [8, 8]);
  assert.deepEqual(shape(7, true), [7, 1]);
});

Deno.test("one number follows from the other", () => {
  assert.deepEqual(shape(8, true, 2), [2, 4]);
  assert.deepEqual(shape(8, false, undefined, 2), [4, 2]);
  assert.deepEqual(shape(2, true, 5), [5, 1]);
  assert.deepEqual(shape(2, true, undefined, 16), [1, 16]);
  assert.deepEqual(shape(8, true, 3, 3), [3, 3]);
  assert.deepEqual(shape(8, false, 0), [0, 8]);
});

Deno.test("numbers that make no sense are refused by name", () => {
  assert.throws(() => shape(8, true, -1), /nWorkers must be a whole number of at least 0, got -1/);
  assert.throws(() => shape(8, true, 1.5), /nWorkers.*got 1.5/);
  assert.throws(() => shape(8, true, 1, 0), /threadsPerWorker.*at least 1, got 0/);
});
