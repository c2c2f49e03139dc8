/** The examples and the demo run as they are, and print what they promise. */
import assert from "node:assert/strict";

const root = new URL("../", import.meta.url);

interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

async function run(path: string): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--quiet", new URL(path, root).pathname],
    cwd: root.pathname,
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(120_000),
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Runs an example and checks that it prints these lines, and nothing but them. */
async function prints(path: string, ...lines: (string | RegExp)[]): Promise<void> {
  const { code, stdout, stderr } = await run(path);
  assert.equal(code, 0, stderr);
  const printed = stdout.trimEnd().split("\n");
  for (const [i, expected] of lines.entries()) {
    if (typeof expected === "string") assert.equal(printed[i], expected);
    else assert.match(printed[i], expected);
  }
  assert.equal(printed.length, lines.length, stdout);
}

Deno.test("the quickstart example adds up squares", async () => {
  await prints(
    "examples/quickstart.ts",
    "-285",
    "[",
    /^ +0, +1, +4, +9, 16,$/,
    /^ +25, 36, 49, 64, 81$/,
    "]",
  );
});

Deno.test("the example of nested structures gathers them whole", async () => {
  await prints(
    "examples/gather_nested.ts",
    '{ three: 3, sums: [ 11, 22, 33 ], fixed: "as it is" }',
    'Map(2) { "a" => [ 3 ], "b" => [ 11, 22, 33 ] }',
    "{ x: 6, y: 22 }",
    "true",
  );
});

Deno.test("the example of scatter counts on the workers", async () => {
  await prints(
    "examples/scatter.ts",
    "Float64Array, and 3 strings",
    "[",
    /^ +100000, 100000,$/,
    /^ +100000, 100000,$/,
    /^ +100000, 100000,$/,
    /^ +100000, 100000,$/,
    /^ +100000, 100000$/,
    "]",
    "settings are on 2 workers",
    '[ "oneoneone", "twotwotwo", "threethreethree" ]',
  );
});

Deno.test("the example of asCompleted follows three countdowns to zero", async () => {
  await prints("examples/as_completed.ts", /^3 countdowns reached zero in 16 steps$/);
});

Deno.test("the example of errors sees each of them, and goes on", async () => {
  await prints(
    "examples/errors_and_limits.ts",
    "RangeError: Division by zero",
    "error, error",
    "[ 6n, 2n ]",
    "endless: TaskTimeoutError",
    "unwanted: cancelled",
    /→ log: an open file \(FsFile\) does not travel/,
  );
});

Deno.test("the example of functions takes along what they use, without permissions on the workers", async () => {
  await prints(
    "examples/functions.ts",
    "[ 125, 250 ]",
    "Point { x: 11, y: 22 } true",
    "172800000",
    "Good morning, Ada!",
    "150",
    "pear",
    "here: there are no more pears",
  );
});

Deno.test("the example of tasks from tasks waits for what it launches, without permissions", async () => {
  await prints("examples/tasks_from_tasks.ts", "10050", "144");
});

Deno.test("the demo shows a table and agrees with a computation without a cluster", async () => {
  const { code, stdout, stderr } = await run("demo/main.ts");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /159\/159 tasks/);
  assert.match(stdout, /^ORD +Chicago, IL +1095 +7\.5 min +23\.6 %$/m);
  assert.match(stdout, /The same computation without a cluster agrees/);
});
