/**
 * Puts the programs onto a host that lacks them: asks for its system and for what is there, copies the
 * binaries that differ, and checks what has arrived.
 *
 * @module
 */
import { CopyError, type LocalBinaries, type LocalBinary } from "./binaries.ts";
import { explainEnd } from "./failures.ts";
import { type HostCommandResult, runOnHost } from "./host_command.ts";
import type { SSHHost } from "./hosts.ts";
import { shellWord } from "./remote_shell.ts";
import { SSH_FAILED } from "./session.ts";
import type { SSHLogin } from "./ssh_command.ts";
import { targetOfSystem } from "./targets.ts";

/** What to copy where. */
export interface CopyOptions {
  /** The host. */
  host: SSHHost;
  /** How to log in. */
  login: SSHLogin;
  /** Names of the programs. */
  programs: readonly string[];
  /** Where the binaries are on this machine. */
  binaries: LocalBinaries;
  /** Word of a shell script for the folder on the host. */
  folder: string;
  /** Told of each binary before it goes. */
  onCopy: (path: string) => void;
  /** Ends it. */
  signal: AbortSignal;
}

/** Exit codes of the scripts: what kept a binary from its place. */
const NO_FOLDER = 61, NO_DIGEST = 62, OTHER_BYTES = 63;

/** Beginning of each script: where the programs go, and what gives the SHA-256 of its standard input. */
function prelude(folder: string): string[] {
  return [
    `folder=${folder}`,
    "if command -v sha256sum >/dev/null 2>&1; then digest=sha256sum",
    "elif command -v shasum >/dev/null 2>&1; then digest='shasum -a 256'",
    "elif command -v openssl >/dev/null 2>&1; then digest='openssl dgst -sha256 -r'",
    `else exit ${NO_DIGEST}; fi`,
  ];
}

/**
 * Make sure that a host has the programs, as they are here.
 *
 * @param options Which, and where.
 * @throws {CopyError} When that cannot be, in the rest of a sentence that begins with the host.
 */
export async function copyPrograms(options: CopyOptions): Promise<void> {
  const { programs, binaries, onCopy } = options;
  const { target, digests } = await lookAround(options);
  for (const name of programs) {
    const binary = await binaries.find(name, target);
    if (digests.get(name) === binary.sha256) continue;
    onCopy(binary.path);
    await copy(options, name, binary);
  }
}

/** What a host is, and which of the programs it has already. */
async function lookAround(
  options: CopyOptions,
): Promise<{ target: string; digests: Map<string, string> }> {
  const { programs, folder } = options;
  // Marked, because what runs at login may print as well.
  const result = await run(options, [
    ...prelude(folder),
    `printf 'dusk-system %s\\n' "$(uname -sm)"`,
    `for name in ${programs.map(shellWord).join(" ")}; do`,
    `if test -x "$folder/$name"; then`,
    `printf 'dusk-digest %s %s\\n' "$name" "$($digest <"$folder/$name")"; fi; done`,
  ]);
  let uname = "";
  const digests = new Map<string, string>();
  for (const line of result.lines) {
    uname ||= line.match(/^dusk-system (.*)$/)?.[1].trim() ?? "";
    const digest = line.match(/^dusk-digest (\S+) ([0-9a-f]{64})\b/);
    if (digest !== null) digests.set(digest[1], digest[2]);
  }
  const target = targetOfSystem(uname);
  if (target === undefined) {
    throw new CopyError(
      `there are no binaries for its system, ${
        JSON.stringify(uname)
      }: only for Linux and macOS on ` +
        "x86_64 and arm64",
    );
  }
  return { target, digests };
}

async function copy(options: CopyOptions, name: string, binary: LocalBinary): Promise<void> {
  using file = await Deno.open(binary.path);
  await run(options, [
    ...prelude(options.folder),
    // Other machines may copy to the same folder, when it is on a shared file system.
    `part=$folder/.${name}.${crypto.randomUUID()}`,
    `mkdir -p "$folder" || exit ${NO_FOLDER}`,
    `trap 'rm -f "$part"' EXIT HUP INT TERM`,
    `cat >"$part" || exit ${NO_FOLDER}`,
    `$digest <"$part" | grep -q '^${binary.sha256}' || exit ${OTHER_BYTES}`,
    `chmod 755 "$part" && mv -f "$part" "$folder"/${name} || exit ${NO_FOLDER}`,
  ], file.readable);
}

async function run(
  options: CopyOptions,
  script: string[],
  input?: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<HostCommandResult> {
  const { host, login, signal } = options;
  const result = await runOnHost({ host, login, signal, script: script.join("\n"), input });
  if (result.code !== 0) throw new CopyError(explain(options, result));
  return result;
}

function explain({ host, folder }: CopyOptions, result: HostCommandResult): string {
  const words = result.lastWords.at(-1) ?? "";
  switch (result.code) {
    case NO_FOLDER:
      return `cannot write to ${folder}${words === "" ? "" : ` (${words})`}: give another with ` +
        "--remote-directory";
    case NO_DIGEST:
      return "has neither sha256sum, shasum nor openssl to check a copy: copy the programs by hand";
    case OTHER_BYTES:
      return "what arrived is not what was sent: is its disk full?";
    case SSH_FAILED:
      return explainEnd(host, result, "shell", undefined);
    default:
      return `its shell ended with code ${result.code}${words === "" ? "" : `: ${words}`}`;
  }
}
