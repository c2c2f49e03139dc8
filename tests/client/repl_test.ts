/** In `deno repl` and its like, where the inspector is in use and must be left alone. */
import assert from "node:assert/strict";

const mod = new URL("../../mod.ts", import.meta.url).href;

/** What the REPL prints when it is given these lines. */
async function repl(lines: string[]): Promise<string> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["repl", "--allow-all", "--quiet", "--no-lock"],
    env: { NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(lines.map((line) => line + "\n").join("")));
  await writer.close();
  const { stdout, stderr } = await child.output();
  return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
}

Deno.test("in the REPL, self-contained functions run, and others are refused", async () => {
  const printed = await repl([
    `const { Client } = await import(${JSON.stringify(mod)});`,
    `const client = await Client.connect();`,
    `"sum " + await client.submit((a, b) => a + b, 40, 2).result()`,
    `"inner " + await client.submit((a) => { const twice = (x) => 2 * x; return twice(a); }, 4).result()`,
    `class Point { constructor(x) { this.x = x; } }`,
    `"doubled " + await client.gather(client.map(async (x) => 2 * x, [1, 2]))`,
    `const rate = 3;`,
    `try { client.submit((a) => a * rate, 2); } catch (error) { String(error) }`,
    `try { client.submit((p) => p.x, new Point(1)); "sent" } catch (error) { String(error) }`,
    `await client.close();`,
  ]);
  assert.match(printed, /"sum 42"/);
  assert.match(printed, /"inner 8"/);
  assert.match(printed, /"doubled 2,4"/);
  assert.match(printed, /FunctionError: .*seen in Deno's REPL: pass them as arguments/);
  assert.doesNotMatch(printed, /panicked/);
});
