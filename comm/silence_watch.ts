/**
 * Notices that the machine at the other end of a connection is gone, without a word: switched off, or cut
 * off from the network. The system itself tells after a quarter of an hour, or two hours when nothing is
 * being sent; and Deno has no way to ask it for less.
 *
 * A peer may be silent for long with good reason: it has nothing to say, or its program is busy. So a
 * silent one is asked in a way that its system answers and not its program: by opening another connection
 * to the same place. Whatever comes back, if only a refusal, shows that the machine is there.
 *
 * @module
 */

/** The peer's machine has not answered for as long as it may. */
export class UnresponsiveError extends Error {
  /** Name of the class. */
  override readonly name = "UnresponsiveError";
}

/** Opens another connection to where the peer is, until the signal aborts. */
export type Knock = (signal: AbortSignal) => Promise<{ close(): void }>;

/** In so many steps the limit is reached; the first half of them only listen. */
const STEPS = 4;

/** What each place has answered of late: connections to one place need not all ask. */
const asking = new Map<string, Promise<boolean>>();

/** Watches one connection. */
export class SilenceWatch {
  readonly #place: string;
  readonly #seconds: number;
  readonly #knock: Knock;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Steps since there was a sign of life. */
  #silent = 0;

  /**
   * @param place Address of the peer.
   * @param seconds How long it may be unresponsive.
   * @param knock Asks its machine for an answer.
   */
  constructor(place: string, seconds: number, knock: Knock) {
    this.#place = place;
    this.#seconds = seconds;
    this.#knock = knock;
  }

  /**
   * Begins.
   *
   * @param onGone Called when the peer has been unresponsive for too long; once.
   */
  start(onGone: (error: UnresponsiveError) => void): void {
    const step = () => {
      this.#silent++;
      if (this.#silent > STEPS) {
        this.stop();
        onGone(new UnresponsiveError(`its machine has not answered for ${this.#seconds} s`));
      } else if (this.#silent > STEPS / 2) {
        void this.#ask();
      }
    };
    this.#timer = setInterval(step, Math.min(this.#seconds * 1000 / STEPS, 2 ** 31 - 1));
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  /** Something has come from the peer. */
  heard(): void {
    this.#silent = 0;
  }

  /** Ends; can be called again. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    let answer = asking.get(this.#place);
    if (answer === undefined) {
      answer = answers(this.#knock, this.#seconds / STEPS);
      asking.set(this.#place, answer);
      void answer.finally(() => asking.delete(this.#place));
    }
    if (await answer) this.heard();
  }
}

/** Whether anything comes back in time. Never throws. */
async function answers(knock: Knock, seconds: number): Promise<boolean> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), seconds * 1000);
  Deno.unrefTimer(timer as unknown as number);
  try {
    const connection = await knock(over.signal);
    connection.close();
    return true;
  } catch (error) {
    if (over.signal.aborted) return false;
    return !isUnreachable(error);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether an error says that nothing has come back. Others are a refusal, or trouble of this machine's own. */
function isUnreachable(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ETIMEDOUT";
}
