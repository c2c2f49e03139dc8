/**
 * Modules that tasks can import by name: a client sends them to the scheduler, which gives them to all
 * workers, and sends them again to a scheduler that begins anew.
 *
 * @module
 */
import type { Upload } from "./modules/upload.ts";

/** The cluster did not take a file. The message says why. */
export class UploadError extends Error {
  /**
   * Make the error.
   *
   * @param message Why.
   */
  constructor(message: string) {
    super(message);
    this.name = "UploadError";
  }
}

/** What the scheduler says to it. */
export type UploadReply = { status: "OK" } | { status: "error"; message: string };

/** What a client has uploaded. */
export class Uploads {
  /** By what was uploaded: a new version of a file takes the place of the old one. */
  readonly #uploads = new Map<string, Upload>();
  readonly #call: (upload: Upload) => Promise<UploadReply>;

  /** @param call Gives an upload to the scheduler. */
  constructor(call: (upload: Upload) => Promise<UploadReply>) {
    this.#call = call;
  }

  /** Whether there is anything to send to a scheduler that begins anew. */
  get isEmpty(): boolean {
    return this.#uploads.size === 0;
  }

  /**
   * Give a file or folder to the cluster.
   *
   * @param source Path or URL of the file or folder.
   * @param upload What it is for the scheduler.
   */
  async add(source: string, upload: Upload): Promise<void> {
    await this.#send(upload);
    // At the end of the line: uploads of one name are sent again in the order in which they came.
    this.#uploads.delete(source);
    this.#uploads.set(source, upload);
  }

  /** Give everything to a scheduler that knows nothing of it. */
  async sendAgain(): Promise<void> {
    for (const upload of this.#uploads.values()) await this.#send(upload);
  }
  async #send(upload: Upload): Promise<void> {
    const reply = await this.#call(upload);
    if (reply.status !== "OK") throw new UploadError(`uploadFile(): ${reply.message}`);
  }
}
