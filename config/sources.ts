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
 * The files with settings.
 *
 * @param env The environment; `DUSK_CONFIG` names a file or folder.
 * @param folders Folders that may be there; by default the machine's and the user's.
 * @param named Files and folders that must be there.
 * @returns The files, the lowest first.
 * @throws {ConfigError} When something that must be there is not, or cannot be read.
 */
export function configFiles(
  env: Environment,
  folders: readonly string[] = standardFolders(env),
  named: readonly string[] = [],
): string[] {
  const files: string[] = [];
  for (const folder of folders) files.push(...filesIn(folder, folder));
  const { DUSK_CONFIG: variable } = env;
  if (variable) files.push(...filesAt(expand(variable, env), "environment variable DUSK_CONFIG"));
  for (const path of named) files.push(...filesAt(expand(path, env), "--config"));
  return files;
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
function filesAt(path: string, place: string): string[] {
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
