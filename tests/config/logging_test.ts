/** Logs: levels by hierarchical names, formats, places. */
import assert from "node:assert/strict";
import { configureLogging, getLogger, type LogLevel, resetLogging } from "../../config/logging.ts";

/** What is logged while the work is done, one entry a line. */
function capture(options: Parameters<typeof configureLogging>[0], work: () => void): string[] {
  const lines: string[] = [];
  configureLogging({ ...options, sink: (line) => void lines.push(line) });
  try {
    work();
  } finally {
    resetLogging();
  }
  return lines;
}

Deno.test("nothing is printed unless logging is configured, and no greeting when it is", async () => {
  const module = new URL("../../config/logging.ts", import.meta.url).href;
  const program = `
    import { configureLogging, getLogger } from ${JSON.stringify(module)};
    const logger = getLogger("distributed.comm");
    logger.critical("before");
    configureLogging();
    logger.info("after");`;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--quiet", program],
  }).output();
  const decoder = new TextDecoder();
  assert.equal(decoder.decode(stdout), "");
  assert.match(
    decoder.decode(stderr),
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z distributed\.comm INFO after\n$/,
  );
});

Deno.test("a logger that was made before serves after logging is configured", () => {
  const logger = getLogger("distributed.scheduler");
  logger.info("lost");
  const [line, ...more] = capture({}, () => logger.info("Register worker"));
  assert.match(
    line,
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z distributed\.scheduler INFO Register worker$/,
  );
  assert.deepEqual(more, []);
});

Deno.test("levels have Python's names, and lesser ones are left out", () => {
  const logger = getLogger("distributed.x");
  const all = () => {
    logger.debug("a");
    logger.info("a");
    logger.warn("a");
    logger.error("a");
    logger.critical("a");
  };
  const names = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
  for (const [i, name] of names.entries()) {
    const lines = capture({ level: name.toLowerCase() as LogLevel }, all);
    assert.deepEqual(lines.map((line) => line.split(" ")[2]), names.slice(i));
  }
});

Deno.test("each name may have its level, and inherits that of the name above", () => {
  const lines = capture({ level: { distributed: "info", "distributed.client": "error" } }, () => {
    getLogger("distributed.client").info("1");
    getLogger("distributed.client.future").warn("2");
    getLogger("distributed.client").error("3");
    getLogger("distributed.worker").info("4");
    getLogger("other").critical("5");
  });
  assert.deepEqual(lines.map((line) => line.at(-1)), ["3", "4"]);
});

Deno.test("a message is taken literally, and its fields follow it", () => {
  const [line] = capture({}, () => {
    getLogger("distributed").info("{x} %s", { x: 1, worker: "tcp://a:1", list: [1, "b"] });
  });
  assert(line.endsWith(' INFO {x} %s x=1 worker=tcp://a:1 list=[1,"b"]'), line);
});

Deno.test("what a peer slips into a message cannot forge lines or paint the terminal", () => {
  const [line] = capture({}, () => getLogger("distributed").info("a\n2026 b\u001b[31m\u2028"));
  assert(line.endsWith("a\\u000a2026 b\\u001b[31m\\u2028"), line);
});

Deno.test("nor in json, which reads as it was written", () => {
  const text = "a\u009b31m\u2028\u007f";
  const [line] = capture({ format: "json" }, () => getLogger("distributed").info(text, { text }));
  assert(/^[\x20-\x7e]*$/.test(line), JSON.stringify(line));
  assert.deepEqual([JSON.parse(line).message, JSON.parse(line).text], [text, text]);
});

for (const format of ["text", "json"] as const) {
  Deno.test(`nor can it fill the disk: long texts are cut in ${format}`, () => {
    const text = "x".repeat(1_000_000);
    const [line] = capture({ format }, () => {
      getLogger("distributed").warn(text, { text, error: new Error(text) });
    });
    assert.match(line, /x… \(990000 characters more\)/);
    assert(line.length < 50_000, `${line.length} characters`);
  });
}

for (const format of ["text", "json"] as const) {
  Deno.test(`what cannot be shown, such as a loop that was thrown, loses no ${format} line`, () => {
    const loop: Record<string, unknown> = {};
    loop.loop = loop;
    const throwing = {
      toJSON() {
        throw loop;
      },
    };
    const nameless = Object.assign(new Error("x"), { name: Symbol("x"), stack: 5 });
    for (const error of [loop, throwing, nameless]) {
      const lines = capture({ format }, () => {
        getLogger("distributed").error("handler failed", { key: "inc-1", error });
      });
      assert.equal(lines.length, 1);
      assert.match(lines[0], /handler failed/);
      assert.match(lines[0], /inc-1/);
    }
  });
}

Deno.test("an error shows its stack from level error on", () => {
  const error = new TypeError("no\nsuch thing");
  const [warned, failed] = capture({}, () => {
    getLogger("distributed").warn("w", { error });
    getLogger("distributed").error("e", { error });
  });
  assert(warned.endsWith("w error=TypeError: no\\u000asuch thing"), warned);
  assert.match(failed, /e error=TypeError: no\\u000asuch thing\n {4}at .*logging_test/);
});

Deno.test("json is one object a line", () => {
  const [line] = capture({ format: "json" }, () => {
    getLogger("distributed.comm").error("a\nb", {
      error: new RangeError("r"),
      size: 2n ** 60n,
      level: "mine",
    });
  });
  assert(!line.includes("\n"));
  const { time, error, ...rest } = JSON.parse(line);
  assert(!Number.isNaN(Date.parse(time)));
  assert.equal(error.name, "RangeError");
  assert.equal(error.message, "r");
  assert.deepEqual(rest, {
    logger: "distributed.comm",
    level: "error",
    message: "a\nb",
    size: "1152921504606846976",
  });
});

Deno.test("whether a record would be written can be asked", () => {
  const logger = getLogger("distributed.comm");
  assert.equal(logger.isEnabled("info"), false);
  capture({ level: "warning" }, () => {
    assert.equal(logger.isEnabled("info"), false);
    assert.equal(logger.isEnabled("critical"), true);
  });
});

Deno.test("an unknown level or format is refused by name", () => {
  assert.throws(() => configureLogging({ level: "loud" as LogLevel }), /debug, info.*"loud"/);
  assert.throws(() => configureLogging({ format: "xml" as "text" }), /"text" or "json".*"xml"/);
});
