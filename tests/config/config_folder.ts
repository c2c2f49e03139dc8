/** Settings in files of a folder of their own, for the tests around this. */
import { type LoadOptions, loadSettings, type Settings } from "../../config/settings.ts";

/** A folder with files. */
export class ConfigFolder implements Disposable {
  /** Its path. */
  readonly path: string = Deno.makeTempDirSync({ prefix: "dusk-config-" });

  /** Writes a file, and gives its path. */
  write(name: string, text: string | Uint8Array<ArrayBuffer>): string {
    const file = `${this.path}/${name}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    if (typeof text === "string") Deno.writeTextFileSync(file, text);
    else Deno.writeFileSync(file, text);
    return file;
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** Loads settings from nothing but what is given. */
export function load(options: LoadOptions = {}): Promise<Settings> {
  return loadSettings({ env: {}, folders: [], ...options });
}

/** Loads the settings of one file with this text; `FILE` stands for its path in errors. */
export async function loadText(text: string | Uint8Array<ArrayBuffer>): Promise<Settings> {
  using folder = new ConfigFolder();
  const file = folder.write("a.yaml", text);
  try {
    return await load({ files: [file] });
  } catch (error) {
    if (error instanceof Error) error.message = error.message.replaceAll(file, "FILE");
    throw error;
  }
}
