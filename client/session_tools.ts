/**
 * What a session stands on, which is different in a program and in a thread that runs a task. Types only:
 * whoever opens a session hands in the rest.
 *
 * @module
 */
import type { connect } from "../comm/comm.ts";
import type { ConnectionPool } from "../comm/connection_pool.ts";
import type { Capture } from "../protocol/functions/capture.ts";
import type { Upload } from "./modules/upload.ts";

/** Opens a comm: see {@linkcode connect}. */
export type Connect = typeof connect;

/** Calls operations of servers. */
export type CallPool = Pick<ConnectionPool, "call" | "close">;

/** Takes functions apart, and knows those that come back. */
export type FunctionCapture = Pick<
  Capture,
  "function" | "writer" | "registrations" | "reader" | "functionOf"
>;

/** What a session works with. */
export interface SessionTools {
  readonly capture: FunctionCapture;
  /**
   * Makes a file or folder what the scheduler takes.
   *
   * @throws {FunctionError} When it cannot run on a worker.
   */
  bundleUpload(path: string | URL): Upload;
  /** Reaches workers. */
  readonly workers: CallPool;
  /** Reaches the scheduler. */
  readonly scheduler: CallPool;
  readonly connect: Connect;
}
