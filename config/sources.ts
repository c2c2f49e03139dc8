/**
 * Which files have settings in them, the lowest first.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";
import type { Environment } from "./environment.ts";
import { joinPath } from "./layers.ts";
import { isGranted } from "./permission.ts";

/** A folder with more files than this is none of settings. */
const MOST_FILES = 100;

/**
 * The home folder of whoever runs this process.
 *
 * @param env Its environment.
 * @returns The folder; undefined: not known.
 */
export function homeFolder(env: Environment): string | undefined {
  return env.HOME || env.USERPROFILE || undefined;
}

/**
 * The files with settings that this program finds by itself.
 *
 * @param env The environment; `DUSK_CONFIG` names a file or folder, which must be there.
 * @param folders Folders that may be there; by default the machine's and the user's.
 * @returns The files, the lowest first.
 * @throws {ConfigError} When something that must be there is not, or cannot be read.
 */
export function foundFiles(
  env: Environment,
  folders: readonly string[] = standardFolders(env),
): string[] {
  const files = folders.flatMap((folder) => filesIn(folder, folder));
  const { DUSK_CONFIG: path } = env;
  if (path) files.push(...filesAt(path, env, "environment variable DUSK_CONFIG"));
  return files;
}

/**
 * The files with settings that it was given.
 *
 * @param env The environment.
 * @param paths Files, and folders of files, which must be there.
 * @returns The files, the lowest first.
 * @throws {ConfigError} When one of them is not there, or cannot be read.
 */
export function givenFiles(env: Environment, paths: readonly string[]): string[] {
  return paths.flatMap((path) => filesAt(path, env, "--config"));
}

/** The machine's folder and the user's, as far as they may be read. */
function standardFolders(env: Environment): string[] {
  const isWindows = Deno.build.os === "windows";
  const home = homeFolder(env);
  const system = isWindows ? env.PROGRAMDATA && `${env.PROGRAMDATA}\\dusk` : "/etc/dusk";
  const own = isWindows ? env.APPDATA : env.XDG_CONFIG_HOME || (home && `${home}/.config`);
  const folders = [system, own && `${own}/dusk`].filter((folder) =>
    folder !== undefined && folder !== ""
  );
  return (folders as string[]).filter((path) => isGranted({ name: "read", path }));
}

function expand(path: string, env: Environment): string {
  const home = homeFolder(env);
  return home !== undefined && path.startsWith("~/") ? joinPath(home, path.slice(2)) : path;
}

/** The file itself, or those in the folder. */
function filesAt(written: string, env: Environment, place: string): string[] {
  const path = expand(written, env);
  let isFolder: boolean;
  try {
    isFolder = Deno.statSync(path).isDirectory;
  } catch (error) {
    const why = error instanceof Deno.errors.NotFound
      ? "which is not there"
      : `which cannot be read: ${(error as Error).message}`;
    throw new ConfigError(place, `it names ${JSON.stringify(path)}, ${why}`, { cause: error });
  }
  return isFolder ? filesIn(path, place) : [path];
}

function filesIn(folder: string, place: string): string[] {
  const names: string[] = [];
  try {
    for (const { name } of Deno.readDirSync(folder)) {
      // Hidden files are an editor's.
      if (/^[^.].*\.ya?ml$/.test(name)) names.push(name);
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw new ConfigError(
      place,
      `the folder cannot be read: ${(error as Error).message}; let this user read it`,
      { cause: error },
    );
  }
  if (names.length > MOST_FILES) {
    throw new ConfigError(
      place,
      `the folder has ${names.length} YAML files, more than ${MOST_FILES}: keep those of settings there`,
    );
  }
  return names.sort().map((name) => joinPath(folder, name));
}
