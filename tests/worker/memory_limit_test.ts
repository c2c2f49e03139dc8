/** Memory limits: their forms, and what auto means. */
import assert from "node:assert/strict";
import { machineMemory } from "../../worker/machine_memory.ts";
import { MemoryLimitError, parseMemoryLimit } from "../../worker/memory_limit.ts";

Deno.test("a memory limit is read in all its forms", () => {
  const forms: [string | number, number][] = [
    ["2e9", 2e9],
    [2e9, 2e9],
    ["4GB", 4e9],
    ["4 GiB", 4 * 2 ** 30],
    ["1.5 mb", 1.5e6],
    [".5kB", 500],
    ["500M", 5e8],
    ["12", 12],
    ["12 b", 12],
    [" 3TiB ", 3 * 2 ** 40],
    ["0", 0],
    [0, 0],
    ["0GB", 0],
  ];
  for (const [text, bytes] of forms) assert.equal(parseMemoryLimit(text), bytes, String(text));
});

Deno.test("a memory limit that makes no sense is refused with the forms that do", () => {
  const wrong = [
    "",
    "four",
    "4 XB",
    "-1",
    "1e",
    "GB",
    "1e30",
    "NaN",
    NaN,
    -5,
    Infinity,
    "4 G B",
    "0.2",
  ];
  for (const text of [...wrong, "4constructor"]) {
    assert.throws(() => parseMemoryLimit(text), (error: Error) => {
      assert(error instanceof MemoryLimitError);
      assert(error.message.includes(String(text)), error.message);
      assert.match(error.message, /2e9.*4GB, 4 GiB.*auto.*0 for no limit/);
      return true;
    });
  }
  assert.throws(() => parseMemoryLimit("1GB", 0), /share must be a whole number/);
});

Deno.test("auto is 75 % of the memory, divided among the workers", () => {
  const whole = machineMemory()!;
  assert(whole > 0 && whole <= Deno.systemMemoryInfo().total);
  assert.equal(parseMemoryLimit("auto"), Math.floor(whole * 0.75));
  assert.equal(parseMemoryLimit("AUTO", 4), Math.floor(whole * 0.75 / 4));
  assert.equal(parseMemoryLimit("1GB", 4), 1e9, "what was said is said for each");
});

Deno.test("the least limit of the control groups counts", () => {
  const total = Deno.systemMemoryInfo().total;
  const memory = (files: Record<string, string>) => machineMemory((path) => files[path]);
  assert.equal(memory({}), total);
  assert.equal(
    memory({
      "/proc/self/cgroup": "0::/system.slice/dusk.service\n",
      "/sys/fs/cgroup/system.slice/dusk.service/memory.max": "max\n",
      "/sys/fs/cgroup/system.slice/memory.max": "104857600\n",
    }),
    104857600,
  );
  assert.equal(
    memory({ "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/memory.max": "2000000\n" }),
    2e6,
  );
  assert.equal(
    memory({
      "/proc/self/cgroup": "8:cpu:/docker/a\n7:memory:/docker/a\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "3000000\n",
      "/sys/fs/cgroup/cpu/memory.limit_in_bytes": "1\n",
    }),
    3e6,
  );
  assert.equal(
    memory({
      "/proc/self/cgroup": "7:memory:/\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }),
    total,
  );
});
