/**
 * Ends a program whose starter is on another machine and can no longer be heard, because it has ended or
 * because the network is gone.
 *
 * @module
 */
import { Option, wholeNumber } from "./command_line.ts";

/** The flag: seconds of silence on standard input after which the starter counts as gone. */
export function lifelineOption(): Option {
  return new Option(
    "--lifeline <seconds>",
    "Stop when standard input ends, or is silent for so long.",
  )
    .argParser(wholeNumber(1, 86_400)).hideHelp();
}

/**
 * From now on stop this program, as by SIGTERM, once its standard input has ended, or has brought nothing
 * for a while. When it has not stopped a little later, end it.
 *
 * @param seconds Longest silence.
 * @param grace Seconds that it gets to stop.
 */
export async function heedLifeline(seconds: number, grace: number): Promise<never> {
  let silence: ReturnType<typeof setTimeout> | undefined;
  const silent = Promise.withResolvers<null>();
  const buffer = new Uint8Array(1024);
  let count: number | null = 0;
  while (count !== null) {
    silence = setTimeout(() => silent.resolve(null), seconds * 1000);
    // What cannot be read is as good as ended.
    count = await Promise.race([Deno.stdin.read(buffer).catch(() => null), silent.promise]);
    clearTimeout(silence);
  }
  setTimeout(() => Deno.exit(1), grace * 1000);
  if (Deno.build.os === "windows") Deno.exit(0);
  Deno.kill(Deno.pid, "SIGTERM");
  return await new Promise<never>(() => {});
}
