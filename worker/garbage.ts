/**
 * Gives memory back to the system that this process does not need any more, rather than when its engine gets
 * round to it.
 *
 * @module
 */

/** What {@linkcode garbageCollector} looks for. */
type Collect = (() => void) | undefined;

/**
 * Prepare for collecting garbage: in this thread, and in the threads that tasks run in.
 *
 * @returns What collects as much as this version of Deno, and the permissions of this process, allow.
 */
export async function garbageCollector(): Promise<() => void> {
  const collect = await engineCollector();
  return () => {
    collect?.();
    trim();
  };
}

/** The engine's collector. Compiled programs have it from the start; Deno 2.9 can be told to have it. */
async function engineCollector(): Promise<Collect> {
  const exposed = (globalThis as { gc?: () => void }).gc;
  if (exposed !== undefined) return exposed;
  try {
    const { default: v8 } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    v8.setFlagsFromString("--expose-gc");
    return runInNewContext("gc");
  } catch {
    // Not in this version: the engine goes by its own rules, only later.
    return undefined;
  }
}

/** Has the C library give free memory back, where native code may be called. */
function trim(): void {
  if (Deno.build.os !== "linux") return;
  // Never with a prompt.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return;
  try {
    const library = Deno.dlopen("libc.so.6", {
      malloc_trim: { parameters: ["usize"], result: "i32" },
    });
    try {
      library.symbols.malloc_trim(0n);
    } finally {
      library.close();
    }
  } catch {
    // Another C library: it keeps what it keeps.
  }
}
