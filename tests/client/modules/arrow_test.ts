/**
 * Tables of Apache Arrow have a serialization as soon as one is met.
 */
import assert from "node:assert/strict";
import * as arrow from "npm:apache-arrow@21.1.0";
import { registerKnownLibraries } from "../../../client/modules/arrow.ts";
import { ModuleBundler } from "../../../client/modules/module_bundler.ts";
import { Capture } from "../../../protocol/functions/capture.ts";
import { ThreadCodeWriter } from "../../../protocol/functions/thread_code_writer.ts";
import { allRegistrations, findRegistration } from "../../../protocol/registrations.ts";
import { deserialize, serialize } from "../../../protocol/values.ts";
import { linkerOf } from "../../protocol/functions/round_trip.ts";

const table = arrow.tableFromArrays({
  x: new Float64Array([1, 2, 3]),
  name: ["a", null, "c"],
});

Deno.test("a table that is met gets a serialization, once", () => {
  class Table {}
  assert.equal(registerKnownLibraries(new Table()), false);
  assert.equal(registerKnownLibraries(arrow.vectorFromArray([1])), false);
  class Odd {
    static get name(): string {
      throw new Error("it was asked for its name");
    }
  }
  assert.equal(registerKnownLibraries(new Odd()), false);
  assert.equal(findRegistration(table), undefined);
  assert.equal(registerKnownLibraries(table), true);
  assert.equal(registerKnownLibraries(table), false);
  assert.equal(allRegistrations().length, 1);
  assert.equal(allRegistrations()[0].class, arrow.Table);
});

Deno.test("tables come back as they were, in one frame", () => {
  registerKnownLibraries(table);
  for (
    const one of [table, table.slice(1), table.select(["name"]), new arrow.Table(table.schema)]
  ) {
    const { serialize, deserialize } = findRegistration(one)!;
    const [header, frames] = serialize(one);
    assert.equal(frames.length, 1);
    const back = deserialize(header, [frames[0] as Uint8Array]) as arrow.Table;
    assert.ok(back instanceof arrow.Table);
    assert.equal(back.toString(), one.toString());
    assert.equal(String(back.schema), String(one.schema));
  }
});

Deno.test("tables travel as arguments, in what functions close over, and as results", () => {
  const capture = new Capture(new ModuleBundler());
  const { part, parts } = capture.function((other: arrow.Table) => {
    const sum = Number(other.numRows) + table.numRows;
    return [sum, other, arrow.tableFromArrays({ sum: [sum] })];
  });
  const writer = capture.writer();
  const args = serialize([table.slice(1)], { code: writer });
  // One registration, and the library's modules.
  const letters = new Set([...parts.keys()].map((name) => name[0]));
  assert.deepEqual([...letters].sort(), ["f", "m", "r"]);
  assert.deepEqual(writer.needs, [...parts.keys()].filter((name) => name.startsWith("r")));
  const linker = linkerOf(parts);
  linker.registrations.activate(writer.needs);
  const there = linker.function(part) as (...args: unknown[]) => unknown;
  const arrived = deserialize(args, { code: linker }) as [arrow.Table];
  assert.ok(!(arrived[0] instanceof arrow.Table), "the worker has a library of its own");
  const result = serialize(there(...arrived), { code: new ThreadCodeWriter(linker) });
  const [sum, other, made] = deserialize(result, { code: capture.reader() }) as [
    number,
    arrow.Table,
    arrow.Table,
  ];
  assert.equal(sum, 5);
  assert.ok(other instanceof arrow.Table && made instanceof arrow.Table);
  assert.equal(other.toString(), table.slice(1).toString());
  assert.deepEqual([...made.getChild("sum")!], [5]);
});
