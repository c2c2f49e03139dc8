/**
 * Gives memory back to the system that this process does not need any more, rather than when its engine, or its
 * C library, gets round to it.
 *
 * @module
 */
import { isGranted } from "../config/permission.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { discard } from "../protocol/spare_memory.ts";
import { exposedReleaser, hiddenCollector } from "./full_collection.ts";

/** The parameter `M_MMAP_THRESHOLD` of glibc's `mallopt`. */
const MMAP_THRESHOLD = -3;
/** Memory from this size on goes back as soon as it is freed, in bytes. */
const LARGE_MEMORY = 256 * 1024;
/** Frames from this size on are given back as soon as they are not needed, in bytes: small ones add up, too. */
const LEAST_GIVEN_BACK = 1024;

/** Functions of glibc. */
const symbols = {
  malloc_trim: { parameters: ["usize"], result: "i32" },
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
} as const;

/**
 * Prepare for collecting garbage: in this thread, and in the threads that tasks run in.
 *
 * @returns What collects as much as this version of Deno, and the permissions of this process, allow.
 */
export async function garbageCollector(): Promise<() => void> {
  const collect = await engineCollector();
  return () => {
    collect?.();
    callLibrary(({ malloc_trim }) => malloc_trim(0n));
  };
}

/**
 * Have the C library give large memory back as soon as it is freed. By itself it learns to keep it, up to 32 MB
 * in one piece, for a program that takes as much again.
 */
export function giveLargeMemoryBack(): void {
  callLibrary(({ mallopt, malloc_trim }) => {
    mallopt(MMAP_THRESHOLD, LARGE_MEMORY);
    malloc_trim(0n);
  });
}

/**
 * Give a value's memory back to the system, as far as it is large.
 *
 * @param value The value: nobody else has its memory. It is empty from now on.
 */
export function discardFrames({ frames }: Serialized): void {
  for (let i = 0; i < frames.length; i++) {
    if (frames[i].byteLength >= LEAST_GIVEN_BACK) discard(frames[i]);
  }
}

/** The engine's collector. Compiled programs have it from the start; Deno 2.9 can be told to have it. */
async function engineCollector(): Promise<(() => void) | undefined> {
  if (exposedReleaser !== undefined) return exposedReleaser;
  try {
    const { default: v8 } = await import("node:v8");
    v8.setFlagsFromString("--expose-gc");
  } catch {
    // Not in this version: the engine goes by its own rules, only later.
    return undefined;
  }
  return hiddenCollector();
}

/** Calls glibc, where there is one and native code may be called; never with a prompt. */
function callLibrary(call: (functions: Deno.DynamicLibrary<typeof symbols>["symbols"]) => void) {
  if (Deno.build.os !== "linux") return;
  if (!isGranted({ name: "ffi" })) return;
  try {
    const library = Deno.dlopen("libc.so.6", symbols);
    try {
      call(library.symbols);
    } finally {
      library.close();
    }
  } catch {
    // Another C library: it keeps what it keeps.
  }
}
