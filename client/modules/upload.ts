/**
 * Which modules a file or folder is for `client.uploadFile`, and the names by which tasks import them.
 *
 * @module
 */
import { basename, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { FunctionError } from "../../protocol/functions/function_error.ts";
import type { CodePart } from "../../protocol/messages.ts";

/** Modules by the names that tasks import them by. */
export interface Upload {
  /** Names of parts. */
  modules: Record<string, string>;
  /** These parts, and all that they need. */
  parts: Record<string, CodePart>;
}

/** A module that can be uploaded. */
export interface UploadedModule {
  /** Name of its part. */
  module: string;
  /** The part and all that it needs. */
  parts: ReadonlyMap<string, CodePart>;
}

/** Most modules of one folder. */
const MAX_MODULES = 1000;

const moduleFile = /(?<!\.d)\.(?:[mc]?[jt]s|[jt]sx)$/;
/** Tests are not for tasks to import. */
const testFile = /(?:[._]test|^test)\.[a-z]+$/;
/** The module that a folder itself is, in order of preference. */
const entries = ["mod", "index", "main"];
const entryExtensions = [".ts", ".tsx", ".mts", ".js", ".jsx", ".mjs", ".cjs"];

/**
 * Bundle a file or folder.
 *
 * @param path Path or `file:` URL of a file, which is known by its name, with and without the extension;
 * or of a folder: `mod`, `index` or `main` in it is known by the folder's name, and each file in it as
 * `folder/file`.
 * @param bundle Makes the parts of modules, given their URLs.
 * @throws {FunctionError} When there is nothing to upload, or two files have the same name.
 */
export function bundleUpload(
  path: string | URL,
  bundle: (urls: readonly [string, ...string[]]) => readonly UploadedModule[],
): Upload {
  const full = pathOf(path);
  const upload: Upload = { modules: {}, parts: {} };
  const files = filesByName(full);
  const [first, ...others] = new Set(files.values());
  const resolved = bundle([urlOf(first), ...others.map(urlOf)]);
  for (const [i, file] of [first, ...others].entries()) {
    const { module, parts } = resolved[i];
    Object.assign(upload.parts, Object.fromEntries(parts));
    for (const [name, known] of files) if (known === file) upload.modules[name] = module;
  }
  return upload;
}

function urlOf(path: string): string {
  return pathToFileURL(path).href;
}

function pathOf(path: string | URL): string {
  if (path instanceof URL || /^file:/.test(path)) {
    const { protocol, href } = new URL(path);
    if (protocol === "file:") return fileURLToPath(href).replace(/(?<=.)[/\\]$/, "");
    throw new FunctionError(
      `uploadFile takes a path or a file: URL, not ${href}; import a module of the net by its URL`,
    );
  }
  if (typeof path === "string" && path !== "") return resolve(path);
  throw new FunctionError(`uploadFile takes a path or a file: URL, not ${JSON.stringify(path)}`);
}

/** Files by the names of their modules. */
function filesByName(path: string): Map<string, string> {
  const names = new Map<string, string>();
  const base = basename(path);
  if (readable(path, () => Deno.statSync(path)).isFile) {
    if (!moduleFile.test(base)) {
      throw new FunctionError(
        `cannot upload ${path}: it is no TypeScript or JavaScript; pass data to tasks as arguments`,
      );
    }
    addNames(names, base, path);
    return names;
  }
  const files = listModules(path, "");
  if (files.length === 0) {
    throw new FunctionError(
      `cannot upload ${path}: there is no TypeScript or JavaScript file in the folder`,
    );
  }
  for (const file of files) addNames(names, `${base}/${file}`, join(path, file));
  for (const entry of entries) {
    const found = entryExtensions.map((extension) => entry + extension).find((name) =>
      files.includes(name)
    );
    if (found === undefined) continue;
    names.set(base, join(path, found));
    break;
  }
  return names;
}

function addNames(names: Map<string, string>, name: string, file: string): void {
  for (const known of new Set([name, name.replace(moduleFile, "")])) {
    const other = names.get(known);
    if (other !== undefined) {
      throw new FunctionError(
        `cannot upload ${other} and ${file}: both would be "${known}" in tasks; rename one`,
      );
    }
    names.set(known, file);
  }
}

/** Paths of all modules in a folder and its folders, sorted. */
function listModules(root: string, folder: string): string[] {
  const found: string[] = [];
  const path = join(root, folder);
  for (const { name, isDirectory } of readable(path, () => [...Deno.readDirSync(path)])) {
    if (name.startsWith(".") || name === "node_modules") continue;
    const inner = folder === "" ? name : `${folder}/${name}`;
    if (isDirectory) found.push(...listModules(root, inner));
    else if (moduleFile.test(name) && !testFile.test(name)) found.push(inner);
    if (found.length > MAX_MODULES) {
      throw new FunctionError(
        `cannot upload ${root}: it has more than ${MAX_MODULES} modules; upload a smaller folder`,
      );
    }
  }
  return found.sort();
}

function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new FunctionError(`cannot upload ${path}: there is no such file or folder`, {
        cause: error,
      });
    }
    if (error instanceof Deno.errors.NotCapable) {
      throw new FunctionError(
        `cannot upload ${path}: this program may not read it; start it with --allow-read=${path}`,
        { cause: error },
      );
    }
    throw error;
  }
}
