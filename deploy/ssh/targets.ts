/**
 * Which systems there are binaries for: what a host says that it is, and what a binary was made for.
 *
 * @module
 */

/** Targets by what `uname -sm` prints. */
const BY_UNAME: Readonly<Record<string, string>> = {
  "Linux x86_64": "x86_64-unknown-linux-gnu",
  "Linux amd64": "x86_64-unknown-linux-gnu",
  "Linux aarch64": "aarch64-unknown-linux-gnu",
  "Linux arm64": "aarch64-unknown-linux-gnu",
  "Darwin x86_64": "x86_64-apple-darwin",
  "Darwin arm64": "aarch64-apple-darwin",
};

/**
 * The target of a host's system.
 *
 * @param uname What `uname -sm` prints there.
 * @returns Name of the target, as `deno compile --target` has it; undefined when there is none.
 */
export function targetOfSystem(uname: string): string | undefined {
  return Object.hasOwn(BY_UNAME, uname) ? BY_UNAME[uname] : undefined;
}

/** Bytes at the beginning of a binary that {@linkcode targetOfBinary} looks at. */
export const HEADER_BYTES = 20;

/**
 * The target that a binary was made for.
 *
 * @param header Its first {@linkcode HEADER_BYTES} bytes.
 * @returns Name of the target; undefined when it is no program of Linux or macOS.
 */
export function targetOfBinary(header: Uint8Array): string | undefined {
  if (header.length < HEADER_BYTES) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  if (view.getUint32(0) === 0x7f454c46) { // ELF
    return { 0x3e: "x86_64-unknown-linux-gnu", 0xb7: "aarch64-unknown-linux-gnu" }[
      view.getUint16(18, true)
    ];
  }
  if (view.getUint32(0, true) === 0xfeedfacf) { // Mach-O of 64 bits
    return { 0x01000007: "x86_64-apple-darwin", 0x0100000c: "aarch64-apple-darwin" }[
      view.getUint32(4, true)
    ];
  }
  return undefined;
}
