/**
 * `--pid-file`: a file with the program's process id, for those who start and stop it by scripts. Two
 * programs never share one: a file whose process lives is refused, one that was left behind replaced.
 *
 * @module
 */
import { ProgramError } from "./command_line.ts";

/** Largest file that may be a process id. */
const LONGEST_CONTENT = 64;
/** How often to try when others claim and leave the file at the same time. */
const ATTEMPTS = 5;
/** Ticks a second in Linux's /proc, which are the same on all machines that Deno runs on. */
const TICKS = 100;
/** Seconds by which the clocks of files and of processes may differ. */
const CLOCK_SLACK = 2;

/** What helps where a file cannot be made. */
const ELSEWHERE = "name one in a folder that is there and that this user may write to";

/** A file with this program's process id, until it is disposed of, or the program exits. */
export class PidFile implements Disposable {
  /** Path of the file. */
  readonly path: string;
  readonly #onExit = () => this.#remove();

  private constructor(path: string) {
    this.path = path;
    globalThis.addEventListener("unload", this.#onExit);
  }

  /**
   * Write the file.
   *
   * @param path Where.
   * @throws {ProgramError} When a living process has it, something else is there, or it cannot be
   *   written.
   */
  static claim(path: string): PidFile {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      try {
        Deno.writeTextFileSync(path, `${Deno.pid}\n`, { createNew: true });
        return new PidFile(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) {
          throw cannot("write", path, error, `; ${ELSEWHERE}`);
        }
      }
      removeStale(path);
    }
    throw new ProgramError(`other programs keep taking the process id file ${path}`);
  }

  /** Remove the file, if it is still this program's. */
  [Symbol.dispose](): void {
    globalThis.removeEventListener("unload", this.#onExit);
    this.#remove();
  }

  #remove(): void {
    try {
      if (readPid(this.path) === Deno.pid) Deno.removeSync(this.path);
    } catch (error) {
      console.error(`The process id file ${this.path} stays: ${(error as Error).message}`);
    }
  }
}

/** Remove a file that its program has left behind. */
function removeStale(path: string): void {
  using opened = new DisposableStack();
  let file: Deno.FsFile;
  let pid: number | undefined;
  let written: number;
  try {
    file = opened.use(Deno.openSync(path));
    pid = readPid(path);
    written = (Deno.statSync(path).mtime?.getTime() ?? Date.now()) / 1000;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return; // Removed meanwhile.
    throw cannot("read", path, error);
  }
  if (pid === undefined) return; // Removed meanwhile.
  // A container's first process has the same id each time.
  if (pid !== Deno.pid && isSameProcess(pid, written)) {
    throw new ProgramError(
      `process ${pid} runs with the process id file ${path}: stop it first, or name another file`,
    );
  }
  try {
    // Others may have found the same: one removes the file, and none the next that stands there.
    lock(file);
    if (Deno.statSync(path).ino === file.statSync().ino) Deno.removeSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw cannot("replace", path, error);
  }
}

function lock(file: Deno.FsFile): void {
  try {
    file.lockSync(true);
  } catch {
    // Not every file system has locks: there, programs had better not start at the same moment.
  }
}

function cannot(what: string, path: string, error: unknown, remedy = ""): ProgramError {
  return new ProgramError(
    `cannot ${what} the process id file ${path}: ${(error as Error).message}${remedy}`,
  );
}

/** The process id in a file; undefined when there is no file. */
function readPid(path: string): number | undefined {
  let text: string;
  try {
    if (Deno.statSync(path).size > LONGEST_CONTENT) text = "";
    else text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  if (!/^\d{1,10}\s*$/.test(text)) {
    throw new ProgramError("it holds no process id, so it is left alone; name another file");
  }
  return Number(text);
}

/** Whether the process that wrote its id at some time, in seconds since 1970, still runs. */
function isSameProcess(pid: number, written: number): boolean {
  if (Deno.build.os === "linux") {
    const began = startOnLinux(pid);
    return began !== undefined && began <= written + CLOCK_SLACK;
  }
  const [command, args] = Deno.build.os === "windows"
    ? ["tasklist", ["/nh", "/fi", `PID eq ${pid}`]]
    : ["ps", ["-o", "pid=", "-p", `${pid}`]];
  const { stdout } = new Deno.Command(command, { args, stdin: "null" }).outputSync();
  return new RegExp(`\\b${pid}\\b`).test(new TextDecoder().decode(stdout));
}

/** When a process began, in seconds since 1970; undefined when it does not run. */
function startOnLinux(pid: number): number | undefined {
  let stat: string;
  try {
    stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    return -Infinity; // It is there, and tells nothing.
  }
  // Behind the name, which may hold anything: the state, and 19 fields on, the time of its start.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "Z" || fields[0] === "X") return undefined;
  const boot = Deno.readTextFileSync("/proc/stat").match(/^btime (\d+)$/m);
  return boot === null ? -Infinity : Number(boot[1]) + Number(fields[19]) / TICKS;
}
