/**
 * The scripts and modules of this program, as their text tells of them: what each name in them means.
 *
 * @module
 */
import { FunctionError } from "./function_error.ts";
import { inspectScript, type LiveScope } from "./inspector.ts";
import { launchesTasks } from "./made_functions.ts";
import { parseScript, type Program } from "./parse.ts";
import type { Binding } from "./bindings.ts";
import { ScopeAnalysis } from "./scope_analysis.ts";
import { exportedName } from "./syntax.ts";

/** Larger scripts are bundles; what they have is better imported by the name of a package. */
const MAX_SOURCE = 16 * 2 ** 20;

/** Where a function's text stands. */
export interface Place {
  readonly script: Script;
  /** Where the text begins in the script's source. */
  readonly start: number;
}

/** What the text of a script says. */
interface ScriptNames {
  readonly bindings: ReadonlyMap<number, Binding | undefined>;
  readonly imports: readonly Binding[];
  readonly exports: ReadonlyMap<string, string>;
  readonly constants: ReadonlySet<string>;
}

/** A script or module that is loaded. */
export class Script {
  /** Its URL; "" for what was made by `new Function`. */
  readonly url: string;
  readonly isModule: boolean;
  readonly source: string;
  readonly #lineStarts: number[];
  #names: ScriptNames | undefined;
  #launchesTasks: boolean | undefined;

  /** @param url Its URL. @param source Its text. @param isModule Whether it is a module. */
  constructor(url: string, source: string, isModule: boolean) {
    this.url = url;
    this.source = source;
    this.isModule = isModule;
    this.#lineStarts = lineStarts(source);
  }

  /**
   * What the name means that stands at a position; undefined: the script does not bind it.
   *
   * @throws {FunctionError} When the script cannot be read.
   */
  bindingAt(position: number): Binding | undefined {
    return this.#read().bindings.get(position);
  }

  /** Whether it seems to launch tasks. */
  get launchesTasks(): boolean {
    return this.#launchesTasks ??= launchesTasks(this.source);
  }

  /** Its imports. */
  get imports(): readonly Binding[] {
    return this.#read().imports;
  }

  /** Names under which a module exports its own declarations, by the local name. */
  get exports(): ReadonlyMap<string, string> {
    return this.#read().exports;
  }

  /** Local names of its own variables that never get another value. */
  get constants(): ReadonlySet<string> {
    return this.#read().constants;
  }

  #read(): ScriptNames {
    return this.#names ??= readNames(this);
  }

  /** The position of a line and column, both from 0. */
  position(line: number, column: number): number {
    return (this.#lineStarts[line] ?? this.source.length) + column;
  }

  /** Line and column of a position, both from 0. */
  lineAndColumn(position: number): [line: number, column: number] {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#lineStarts[middle] <= position) low = middle;
      else high = middle - 1;
    }
    return [low, position - this.#lineStarts[low]];
  }
}

/** Where the lines of a text begin. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (const { index, 0: { length } } of text.matchAll(/\r\n|[\n\r\u2028\u2029]/g)) {
    starts.push(index + length);
  }
  return starts;
}

function readNames({ url, source, isModule }: Script): ScriptNames {
  const where = url === "" ? "a script made by eval or new Function" : url;
  if (source.length > MAX_SOURCE) {
    throw new FunctionError(
      `${where} is too large for its variables to be told; have what goes to workers in a module of its own`,
    );
  }
  let program: Program;
  let analysis: ScopeAnalysis;
  try {
    program = parseScript(source, isModule);
    analysis = new ScopeAnalysis(program);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    throw new FunctionError(
      `${where} cannot be read, so its variables cannot be told: ${error.message}`,
      { cause: error },
    );
  }
  const top = [...analysis.top.bindings.values()];
  return {
    bindings: new Map(analysis.references.map(({ start, binding }) => [start, binding])),
    imports: top.filter(({ kind }) => kind === "import"),
    exports: exportsOf(program),
    constants: new Set(top.filter(({ reassigned }) => !reassigned).map(({ name }) => name)),
  };
}

function exportsOf(program: Program): Map<string, string> {
  const exports = new Map<string, string>();
  for (const statement of program.body) {
    if (statement.type === "ExportDefaultDeclaration") {
      const { declaration } = statement;
      if (
        (declaration.type === "ClassDeclaration" || declaration.type === "FunctionDeclaration") &&
        declaration.id
      ) exports.set(declaration.id.name, "default");
      else if (declaration.type === "Identifier") exports.set(declaration.name, "default");
      continue;
    }
    if (statement.type !== "ExportNamedDeclaration") continue;
    const { declaration } = statement;
    if (declaration?.type === "ClassDeclaration" || declaration?.type === "FunctionDeclaration") {
      exports.set(declaration.id.name, declaration.id.name);
    } else if (declaration?.type === "VariableDeclaration") {
      for (const { id } of declaration.declarations) {
        if (id.type === "Identifier") exports.set(id.name, id.name);
      }
    } else if (!statement.source) {
      for (const { local, exported } of statement.specifiers) {
        exports.set(exportedName(local), exportedName(exported));
      }
    }
  }
  return exports;
}

/** Scripts are as many as the program's modules, and those made by `eval`. */
const MAX_SCRIPTS = 1000;

const scripts = new Map<string, Script>();

/**
 * The script with an id.
 *
 * @param scriptId Of the inspector.
 * @param who What error messages call the function in it.
 * @throws {FunctionError} When it is not there any more.
 */
export function scriptOf(scriptId: string, who: string): Script {
  let script = scripts.get(scriptId);
  if (script === undefined) {
    script = read(scriptId, who);
    if (scripts.size >= MAX_SCRIPTS) scripts.delete(scripts.keys().next().value!);
    scripts.set(scriptId, script);
  }
  return script;
}

function read(scriptId: string, who: string): Script {
  const inspected = inspectScript(scriptId);
  if (inspected === undefined) {
    throw new FunctionError(
      `the script of ${who} is not there any more, so its variables cannot be told`,
    );
  }
  return new Script(inspected.url, inspected.source, inspected.isModule);
}

/**
 * Where a function's text stands in its script.
 *
 * @param script The script. @param text The function's text.
 * @param line Line of V8's position of the function. @param column Its column.
 * @returns Undefined if it is not there.
 */
export function findText(
  script: Script,
  text: string,
  line: number,
  column: number,
): Place | undefined {
  const inside = script.position(line, column);
  const start = script.source.lastIndexOf(text, inside);
  return start < 0 || start + text.length < inside ? undefined : { script, start };
}

/** The scope of a module or of classic scripts, whose variables exist once. */
export function isTopScope(scope: LiveScope): boolean {
  return scope.description === "Module" || scope.description === "Script";
}
