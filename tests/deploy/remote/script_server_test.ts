/** Scripts that are submitted to a server in this process. */
import assert from "node:assert/strict";
import { connect } from "../../../comm/comm.ts";
import { Security, SecurityError } from "../../../comm/security.ts";
import { submitScript } from "../../../deploy/remote/submit_script.ts";
import { ScriptServer, type ScriptServerOptions } from "../../../deploy/remote/script_server.ts";
import { configureLogging } from "../../../config/logging.ts";
import { scripts } from "../../support/remote.ts";
import { until } from "../../support/until.ts";

const security = new Security({ token: "a token for scripts of tests" });
const connection = security.connection("client");

/** A server that listens, and what it logs. */
async function withServer(
  options: Partial<ScriptServerOptions>,
  body: (server: ScriptServer, lines: string[]) => Promise<void>,
): Promise<void> {
  const lines: string[] = [];
  configureLogging({ sink: (line) => lines.push(line) });
  try {
    await using server = new ScriptServer({
      settings: {},
      permissions: {},
      env: {},
      maxScripts: 2,
      ...options,
    });
    await server.listen("tcp://127.0.0.1:0", { security: connection });
    await body(server, lines);
  } finally {
    configureLogging();
  }
}

/** Takes output as text. */
function collector(): { text: string; take: (output: { data: Uint8Array }) => void } {
  const decoder = new TextDecoder();
  const collected = {
    text: "",
    take: ({ data }: { data: Uint8Array }) => void (collected.text += decoder.decode(data)),
  };
  return collected;
}

Deno.test("a server of scripts does not listen without token or TLS", async () => {
  await using server = new ScriptServer({
    settings: {},
    permissions: {},
    env: {},
    maxScripts: 1,
  });
  for (const without of [undefined, new Security({ insecure: true }).connection("client")]) {
    const listening = server.listen("tcp://127.0.0.1:0", { security: without });
    await assert.rejects(listening, SecurityError);
  }
});

Deno.test("a program submits scripts", async () => {
  await withServer({}, async ({ address }, lines) => {
    const output = collector();
    const options = { security, onOutput: output.take };
    const later = await submitScript(address, `${scripts}ways.ts`, { ...options, args: ["later"] });
    assert.deepEqual(later, { code: 0, reason: undefined });
    assert.equal(output.text, "later\n");

    const input = new Blob(["abc", "def"]).stream();
    const cat = { ...options, args: ["cat"], stdin: input };
    assert.equal((await submitScript(address, `${scripts}ways.ts`, cat)).code, 0);
    assert.equal(output.text, "later\nabcdef");

    const stop = new AbortController();
    const wait = submitScript(address, `${scripts}ways.ts`, {
      ...options,
      args: ["wait"],
      signal: stop.signal,
    });
    await until("it to run", () => output.text.includes("pid"));
    stop.abort();
    const { code, reason } = await wait;
    assert.equal(code, 130);
    assert.equal(reason, "its submitter has interrupted it");
    await until("the log", () => lines.length === 3);
    assert.match(lines[2], /"ways\.ts" of tcp:\S+ ended with exit code 130 \(its submitter has/);
  });
});

Deno.test({
  name: "a submitter that reads slowly slows its script",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withServer({}, async ({ address }) => {
      const hold = Promise.withResolvers<void>();
      let bytes = 0;
      const running = submitScript(address, `${scripts}ways.ts`, {
        security,
        args: ["large", "1000"],
        onOutput: async ({ to, data }) => {
          if (to === "stdout") bytes += data.length;
          await hold.promise;
        },
      });
      const pid = await until("it to run", () => bytes > 0 ? scriptPid() : undefined);
      let last = -1;
      let same = 0;
      await until("it to wait", () => {
        const written = bytesWritten(pid);
        same = written === last ? same + 1 : 0;
        last = written;
        return same > 50;
      });
      assert.ok(last < 50_000_000, `${last} bytes`);
      hold.resolve();
      assert.equal((await running).code, 0);
      assert.equal(bytes, 100_000_000);
    });
  },
});

/** Process id of the script that this process runs. */
function scriptPid(): number | undefined {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "pid=,args=", "--ppid", `${Deno.pid}`] })
    .outputSync();
  const line = new TextDecoder().decode(stdout).match(/^\s*(\d+) .*ways\.js/m);
  return line === null ? undefined : Number(line[1]);
}

function bytesWritten(pid: number): number {
  return Number(Deno.readTextFileSync(`/proc/${pid}/io`).match(/wchar: (\d+)/)![1]);
}

Deno.test("what makes no sense is refused, and harms nobody", async () => {
  await withServer({}, async ({ address }) => {
    const bytes = new Uint8Array(1);
    const order = { op: "run-script", name: "a.js", pieces: [bytes], args: [], stdin: false };
    const wrong = [
      [{ ...order, sourceMap: bytes, name: 1 }, /the script's name is not what it should be/],
      [{ ...order, sourceMap: bytes, pieces: ["text"] }, /the script's text is not/],
      [{ ...order, sourceMap: "" }, /its source map is not/],
      [{ ...order, sourceMap: bytes, args: [1] }, /its arguments is not what/],
      [{ ...order, sourceMap: bytes, args: ["x".repeat(200_000)] }, /more than 100000 characters/],
      [{ ...order, sourceMap: new Uint8Array(64 * 2 ** 20) }, /has 67108865 bytes/],
    ] as const;
    for (const [message, text] of wrong) {
      const comm = await connect(address, { security: connection });
      await comm.write(message);
      const answer = await comm.read() as { op: string; message: string };
      assert.equal(answer.op, "refused");
      assert.match(answer.message, text);
      await comm.close();
    }
    const output = collector();
    const options = { security, onOutput: output.take, args: ["later"] };
    assert.equal((await submitScript(address, `${scripts}ways.ts`, options)).code, 0);
  });
});

Deno.test("a submitter that sends what is not wanted is cut off, and its script ended", async () => {
  await withServer({}, async ({ address }, lines) => {
    const text = new TextEncoder().encode("setInterval(() => {}, 1000);");
    for (const message of [{ op: "stdin", data: text }, { op: "nonsense" }, 7]) {
      lines.length = 0;
      const comm = await connect(address, { security: connection });
      await comm.write({
        op: "run-script",
        name: "wait.js",
        pieces: [text],
        sourceMap: new Uint8Array(0),
        args: [],
        stdin: false,
      });
      assert.deepEqual(await comm.read(), { op: "started" });
      await comm.write(message);
      await assert.rejects(comm.read());
      await comm.close();
      await until("its end", () => lines.some((line) => /"wait\.js" .* exit code 137/.test(line)));
    }
  });
});

Deno.test("a script runs without its token's file and without secrets in its command", async () => {
  await withServer(
    { settings: { "security.token": "secret of the cluster" } },
    async ({ address }) => {
      const output = collector();
      const stop = new AbortController();
      const options = { security, onOutput: output.take, args: ["wait"], signal: stop.signal };
      const running = submitScript(address, `${scripts}ways.ts`, options);
      const [, pid] = await until("it to run", () => output.text.match(/pid (\d+)/));
      for (const file of ["cmdline", "environ"]) {
        assert.ok(!Deno.readTextFileSync(`/proc/${pid}/${file}`).includes("secret of the cluster"));
      }
      stop.abort();
      await running;
    },
  );
});

Deno.test("a script that removes its own file ends as it does, and frees its place", async () => {
  await withServer({ permissions: "inherit", maxScripts: 1 }, async ({ address }, lines) => {
    const text = "Deno.removeSync(import.meta.dirname, { recursive: true }); Deno.exit(3);";
    for (let i = 1; i <= 2; i++) {
      const comm = await connect(address, { security: connection });
      await comm.write({
        op: "run-script",
        name: "vanish.js",
        pieces: [new TextEncoder().encode(text)],
        sourceMap: new Uint8Array(0),
        args: [],
        stdin: false,
      });
      assert.deepEqual(await comm.read(), { op: "started" });
      assert.deepEqual(await comm.read(), { op: "ended", code: 3 });
      await comm.close();
      await until("its place to be free", () => lines.length === i);
    }
  });
});
