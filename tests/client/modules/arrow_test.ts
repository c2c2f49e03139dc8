/**
 * Tables of Apache Arrow have a serialization as soon as one is met.
 */
import assert from "node:assert/strict";
import * as arrow from "npm:apache-arrow@21.1.0";
import { registerKnownLibraries } from "../../../client/modules/arrow.ts";
import { allRegistrations, findRegistration } from "../../../protocol/registrations.ts";

const table = arrow.tableFromArrays({
  x: new Float64Array([1, 2, 3]),
  name: ["a", null, "c"],
});

Deno.test("a table that is met gets a serialization, once", () => {
  class Table {}
  assert.equal(registerKnownLibraries(new Table()), false);
  assert.equal(registerKnownLibraries(arrow.vectorFromArray([1])), false);
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
