/** What a task is told that lacks a permission. */
import assert from "node:assert/strict";
import { addPermissionHint } from "../../../worker/threads/permission_hint.ts";

Deno.test("a compiled worker's refusal names the worker's flag and not how to compile", () => {
  const refusal = 'Requires read access to "/data"';
  const error = new Deno.errors.NotCapable(
    `${refusal}, specify the required permissions during compilation using ` +
      "`deno compile --allow-read`",
  );
  addPermissionHint(error);
  addPermissionHint(error);
  for (const told of [error.message, error.stack!]) {
    assert.ok(told.includes(`${refusal}. In a task that takes more: dusk-worker --allow-read=…;`));
    assert.match(told, /permissions: \{ read: true \}/);
    assert.doesNotMatch(told, /compile/);
    assert.equal(told.match(/In a task/g)!.length, 1);
  }
  assert.ok(error instanceof Deno.errors.NotCapable);
});

Deno.test("another error is left as it is", () => {
  const error = new Error("run again with --allow-read");
  addPermissionHint(error);
  assert.equal(error.message, "run again with --allow-read");
});
