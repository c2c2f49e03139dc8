/**
 * What an SSHCluster tells while it runs.
 *
 * @module
 */

/** A line that a program on a host printed, or a change of a host. */
export interface SSHReport {
  /**
   * "output" and "error": a line on standard output or standard error there; "status": what becomes of
   * the host; "failure": the same, when it is nothing good.
   */
  readonly kind: "output" | "error" | "status" | "failure";
  /** The host's name. */
  readonly host: string;
  /** Which program on that host. */
  readonly program: "scheduler" | "worker";
  /** The line; for "status" and "failure" the rest of a sentence that begins with the host. */
  readonly line: string;
}

/** What has become of a host: "left" in good order, "lost" by a failure. */
export type SSHHostStatus = "starting" | "running" | "left" | "lost";

/** A host of an SSHCluster. */
export interface SSHHostInfo {
  /** Its name, as it was given but for the user. */
  readonly name: string;
  /** What has become of its workers. */
  readonly status: SSHHostStatus;
  /** Why it is lost, in one sentence. */
  readonly reason?: string;
}
