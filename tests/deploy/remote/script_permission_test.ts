/** What a script is told that lacks a permission. */
import assert from "node:assert/strict";
import { advisePermission } from "../../../deploy/remote/script_permission.ts";

Deno.test("a compiled remote's refusal names the flag of dusk-remote", () => {
  const text = 'NotCapable: Requires read access to "/data", specify the required permissions ' +
    "during compilation using `deno compile --allow-read`\n    at script.ts:1:1";
  assert.equal(
    advisePermission(text),
    'NotCapable: Requires read access to "/data": start dusk-remote with --allow-read=… to let ' +
      "scripts do it\n    at script.ts:1:1",
  );
  assert.equal(advisePermission("Error: deno compile"), "Error: deno compile");
});
