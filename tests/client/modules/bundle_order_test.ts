/**
 * The process that bundles, by itself.
 */
import assert from "node:assert/strict";
import { bundleProgram } from "../../../client/modules/bundle_order.ts";
import { withFolder } from "./folder.ts";

Deno.test("a bundling process that is interrupted leaves nothing behind", async () => {
  const asked = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<Response>();
  await using server = Deno.serve(
    { port: 0, hostname: "localhost", onListen: () => {} },
    () => {
      asked.resolve();
      return ended.promise;
    },
  );
  const specifier = `http://localhost:${(server.addr as Deno.NetAddr).port}/never.ts`;
  const program = bundleProgram({
    wanted: [specifier],
    roots: [],
    entries: [],
    known: [],
    referrer: import.meta.url,
    dusk: "https://dusk.invalid/mod.ts",
    flags: ["--allow-import"],
    maxBytes: 1000,
    maxSeconds: 60,
  });
  await withFolder({}, async (path) => {
    const process = new Deno.Command(Deno.execPath(), {
      args: ["eval", "-q", "--no-lock", program],
      env: { TMPDIR: path, TEMP: path, TMP: path, DENO_DIR: `${path}/deno` },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    await asked.promise;
    process.kill("SIGINT");
    const printed = await new Response(process.stdout).text();
    await process.status;
    ended.resolve(new Response(""));
    const answer = JSON.parse(printed);
    assert.equal(answer.kind, "error");
    const left = [...Deno.readDirSync(path)].map(({ name }) => name);
    assert.deepEqual(left.filter((name) => name !== "deno"), []);
  });
});
