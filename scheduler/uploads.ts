/**
 * Modules that clients have uploaded: tasks import them by name, on every worker that is there and on
 * every one that comes.
 *
 * @module
 */
import type { CodePart } from "../protocol/messages.ts";
import { addUnknown } from "./part_closure.ts";
import type { PartState } from "./part_registry.ts";
import { type SchedulerState, sendToWorker } from "./state.ts";
import type { WorkerState } from "./worker_state.ts";

/** How many names of modules there may be. */
const UPLOADS_LIMIT = 10_000;

/** An upload cannot be taken; the message says why. */
export class UploadRefusedError extends Error {
  override name = "UploadRefusedError";
}

/**
 * Takes modules, and tells all workers. A name that is known gets the new module.
 *
 * @param modules Names of the modules' parts, by the names to import them by.
 * @param sent These parts, and what they need, as far as the scheduler may lack them.
 * @throws {UploadRefusedError} When a part is missing, or there are too many names. Nothing changes then.
 */
export function uploadFile(
  s: SchedulerState,
  modules: Readonly<Record<string, string>>,
  sent: Readonly<Record<string, CodePart>>,
): void {
  const registered = s.parts.register(sent);
  try {
    const found = new Map<string, PartState>();
    for (const name in modules) {
      const part = s.parts.get(modules[name]);
      if (part === undefined) {
        const reason = registered.refused?.get(modules[name]) ??
          `its part ${modules[name]} did not come along`;
        throw new UploadRefusedError(`module '${name}' cannot be uploaded: ${reason}`);
      }
      found.set(name, part);
    }
    const names = new Set([...s.uploads.keys(), ...found.keys()]);
    if (names.size > UPLOADS_LIMIT) {
      throw new UploadRefusedError(
        `${found.size} modules cannot be uploaded: there would be ${names.size} names of modules, ` +
          `and ${UPLOADS_LIMIT} are allowed`,
      );
    }
    for (const [name, part] of found) {
      s.parts.use(part);
      const before = s.uploads.get(name);
      s.uploads.set(name, part);
      if (before !== undefined) s.parts.release(before);
    }
    for (const ws of s.workers.values()) sendUploads(s, ws, found);
    s.eventLog.add("all", { action: "upload-file", modules: [...found.keys()] }, s.now);
  } finally {
    s.parts.settle(registered);
  }
}

/** Tells a worker that has come, or has begun anew, of all modules. */
export function sendAllUploads(s: SchedulerState, ws: WorkerState): void {
  if (s.uploads.size > 0) sendUploads(s, ws, s.uploads);
}

function sendUploads(
  s: SchedulerState,
  ws: WorkerState,
  uploads: ReadonlyMap<string, PartState>,
): void {
  const modules: Record<string, string> = Object.create(null);
  const parts: Record<string, CodePart> = {};
  for (const [name, part] of uploads) {
    modules[name] = part.name;
    addUnknown(parts, part, ws);
  }
  sendToWorker(s, ws, { op: "upload-file", modules, parts });
}
