/** Names that can be fields of messages. */
import assert from "node:assert/strict";
import { isName, LONGEST_NAME } from "../../protocol/names.ts";
import { dumps, loads } from "../../protocol/pack.ts";

Deno.test("a name is a text that can be a field of a message", () => {
  const names = [
    "x",
    "inc-0123",
    " ",
    "constructor",
    "toString",
    "0",
    "-1",
    "a\n\0",
    "grün 👍",
    "length",
  ];
  for (const name of [...names, "x".repeat(LONGEST_NAME)]) {
    assert(isName(name), name);
    const message = { keys: [name], whoHas: { [name]: ["tcp://127.0.0.1:1"] } };
    assert.deepEqual(loads(dumps(message)), message);
  }
});

Deno.test("what could not be a field of a message is no name", () => {
  const others = [
    "",
    "__proto__",
    "x".repeat(LONGEST_NAME + 1),
    "\ud800",
    "x\udc00y",
    5,
    null,
    undefined,
  ];
  for (const other of [...others, ["x"], new String("x")]) assert(!isName(other), String(other));
});
