/**
 * What a package of 1.2 MB, in hundreds of files, costs a program whose tasks import it: bundled at the
 * first submit, loaded by the first task, then no burden. A program of its own, since all that a program
 * imports is bundled together: this one imports what a user's would. Prints a {@linkcode ImportReport}.
 *
 * @module
 */
import * as locales from "npm:date-fns@4.1.0/locale";
import { Client, type Future } from "../mod.ts";

/** Milliseconds. */
export interface ImportReport {
  /** The first submit of a function that imports the package. */
  submit: number;
  /** From there to its result. */
  result: number;
  /** Submit of another function that imports it. */
  again: number;
  /** One task after the other, without the import and with it. */
  plain: number[];
  importing: number[];
}

const plain = (x: number) => `${x} days`;
const importing = (x: number) => locales.de.formatDistance("xDays", x);
const others = (x: number) => locales.ja.formatDistance("xHours", x);

/** @param repetitions How many tasks of each kind. */
async function measure(client: Client, repetitions: number): Promise<ImportReport> {
  let number = 0;
  const callTime = async (fn: (x: number) => string): Promise<number> => {
    const start = performance.now();
    const future: Future<string> = client.submit(fn, number++);
    await future.result();
    const time = performance.now() - start;
    future.release();
    return time;
  };
  await callTime(plain);
  const report: ImportReport = { submit: 0, result: 0, again: 0, plain: [], importing: [] };
  let start = performance.now();
  const first = client.submit(importing, -1);
  report.submit = performance.now() - start;
  start = performance.now();
  await first.result();
  report.result = performance.now() - start;
  start = performance.now();
  const second = client.submit(others, -1);
  report.again = performance.now() - start;
  await second.result();
  for (let i = 0; i < repetitions; i++) {
    report.plain.push(await callTime(plain));
    report.importing.push(await callTime(others));
  }
  return report;
}

if (import.meta.main) {
  const [address, repetitions] = Deno.args;
  const client = await Client.connect(address);
  try {
    console.log(JSON.stringify(await measure(client, Number(repetitions))));
  } finally {
    await client.close();
  }
}
