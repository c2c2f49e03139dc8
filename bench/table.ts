/**
 * How figures are shown: a table for people, or one JSON object a line for programs. Each row appears
 * as soon as it is known.
 *
 * @module
 */

/** A figure of Dusk's, and the peer's where it has one. */
export interface Row {
  /** Name of the benchmark. */
  name: string;
  dusk: number;
  peer: number | null;
  /** How far Dusk is ahead: above 1 it is better. */
  ratio: number | null;
  /** What the two figures are in. */
  unit: string;
}

const WIDTHS = { name: 28, dusk: 12, peer: 12, ratio: 9 };

/** Prints rows. */
export class Table {
  readonly #json: boolean;
  #begun = false;

  /** @param json Print JSON lines in place of a table. */
  constructor(json: boolean) {
    this.#json = json;
  }

  /** Say something about the rows that follow. In JSON, on standard error. */
  note(text: string): void {
    if (this.#json) console.error(text);
    else console.log(text);
  }

  /** Print a row. */
  add(row: Row): void {
    if (this.#json) {
      console.log(JSON.stringify(row));
      return;
    }
    if (!this.#begun) this.#line("benchmark", "Dusk", "Dask", "ratio", "unit");
    this.#begun = true;
    const times = row.ratio === null ? "" : `${row.ratio.toFixed(row.ratio < 10 ? 2 : 1)}x`;
    this.#line(row.name, readable(row.dusk), readable(row.peer), times, row.unit);
  }

  /** Print what belongs under the rows. */
  end(): void {
    if (this.#begun) console.log("ratio above 1: Dusk is ahead");
  }

  #line(name: string, dusk: string, peer: string, ratio: string, unit: string): void {
    console.log([
      name.padEnd(WIDTHS.name),
      dusk.padStart(WIDTHS.dusk),
      peer.padStart(WIDTHS.peer),
      ratio.padStart(WIDTHS.ratio),
      ` ${unit}`,
    ].join(""));
  }
}

function readable(number: number | null): string {
  if (number === null) return "-";
  if (number >= 100) return Math.round(number).toLocaleString("en-US");
  return number.toPrecision(3);
}
