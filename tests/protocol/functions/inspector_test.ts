/** What the inspector tells of live functions. */
import assert from "node:assert/strict";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  inspectFunction,
  inspectPrivateMembers,
  inspectScript,
} from "../../../protocol/functions/inspector.ts";
import type { AnyFunction } from "../../../protocol/functions/definition.ts";

const seen = { inside: 1 };
const fn = () => [seen];

/** A function of a script that is newer than all before. */
function newScript(text: string): AnyFunction {
  return new Function("outer", `return () => ${text}`)();
}

Deno.test("the live values around a function are seen, and where it stands", () => {
  const { scopes, scriptId, line } = inspectFunction(fn, "fn")!;
  const module = scopes.find(({ description }) => description === "Module")!;
  assert.equal(module.object.seen, seen);
  const inner = inspectFunction(() => notYet, "inner")!;
  assert.throws(() => inner.scopes[0].object.notYet, ReferenceError);
  const script = inspectScript(scriptId)!;
  assert.equal(script.url, import.meta.url);
  assert.match(script.source.split("\n")[line], /\(\)=>\[/);
  const notYet = 1;
});

Deno.test("native functions stand nowhere", () => {
  assert.equal(inspectFunction(Math.max, "max"), undefined);
});

Deno.test("private members are seen", () => {
  class Vault {
    static #opened = 3;
    #gold = seen;
    static use = (vault: Vault) => [vault.#gold, Vault.#opened];
  }
  assert.equal(inspectPrivateMembers(new Vault(), "vault").get("#gold"), seen);
  assert.equal(inspectPrivateMembers(Vault, "Vault").get("#opened"), 3);
  assert.ok(Vault.use);
});

Deno.test("scripts made between two looks in one turn are found", () => {
  for (let i = 0; i < 3; i++) {
    const { scriptId } = inspectFunction(newScript(`outer + ${i}`), "it")!;
    const later = newScript(`outer - ${i}`);
    assert.match(inspectScript(scriptId)!.source, new RegExp(`outer \\+ ${i}`));
    assert.match(inspectScript(inspectFunction(later, "it")!.scriptId)!.source, /outer -/);
  }
});

Deno.test("what others post by nextTick comes when it should", async () => {
  const { nextTick } = process;
  const order: string[] = [];
  nextTick(() => order.push("tick"));
  inspectFunction(fn, "fn");
  order.push("inspected");
  assert.equal(process.nextTick, nextTick);
  await new Promise<void>((resolve) => nextTick(resolve));
  assert.deepEqual(order, ["inspected", "tick"]);
});

Deno.test("without permission, functions that close over nothing travel, others say what they need", async () => {
  const program = fileURLToPath(new URL("./fixtures/without_permission.ts", import.meta.url));
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--quiet", "--allow-env", "--allow-read", program],
  }).output();
  assert.equal(new TextDecoder().decode(stderr), "");
  assert.deepEqual(JSON.parse(new TextDecoder().decode(stdout)), [
    ...[2, 120, true, true],
    "the anonymous function uses variables from around it, and seeing their values needs V8's " +
    "inspector: run the program with --allow-sys, or pass them as arguments",
  ]);
});
