/**
 * A progress line in the terminal; two plain lines where there is no terminal.
 *
 * @module
 */
import process from "node:process";
import cliProgress from "npm:cli-progress@3.12.0";

/** A line that shows how many tasks are done. */
export class ProgressLine {
  readonly #bar: { increment(): void; stop(): void };

  /**
   * @param label What goes on.
   * @param total How many tasks there are.
   */
  constructor(label: string, total: number) {
    const bar = new cliProgress.SingleBar({
      format: `${label} {bar} {value}/{total} tasks`,
      stream: process.stdout,
      barsize: 30,
      noTTYOutput: true,
      // Without a terminal: only the first and the last state.
      notTTYSchedule: 3_600_000,
    }, cliProgress.Presets.shades_classic);
    bar.start(total, 0);
    this.#bar = bar;
  }

  /** One more is done. */
  advance(): void {
    this.#bar.increment();
  }

  /** Leave the line as it is, and go to the next. */
  stop(): void {
    this.#bar.stop();
  }
}
