/**
 * How programs wait for the file that says where their scheduler is.
 *
 * @module
 */
import { type SchedulerFile, waitForSchedulerFile } from "../config/scheduler_file.ts";
import { ProgramError } from "./command_line.ts";

/**
 * Wait for the scheduler's file, until the program is told to stop.
 *
 * @param file The file.
 * @param timeout How long to wait, in seconds.
 * @param stopped Resolves when the program is to stop.
 * @returns What the file says; undefined: told to stop before it was there.
 * @throws {ProgramError} When there is none in time, or it is none of a scheduler.
 */
export async function awaitSchedulerFile(
  file: string,
  timeout: number,
  stopped: Promise<unknown>,
): Promise<SchedulerFile | undefined> {
  const giveUp = new AbortController();
  stopped.then(() => giveUp.abort());
  try {
    return await waitForSchedulerFile(file, { timeout, signal: giveUp.signal });
  } catch (error) {
    if (giveUp.signal.aborted) return undefined;
    throw new ProgramError((error as Error).message, { cause: error });
  }
}
