/**
 * What a function's own text says about it: its form, the names that it does not bind, and what ties
 * it to the place where it stands.
 *
 * @module
 */
import { type ClassText, type Range, readClass } from "./class_text.ts";
import type { AnyFunction } from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import { type AnyNode, isSloppy, parseFunction } from "./parse.ts";
import type { ImportCall, Reference } from "./references.ts";
import { ScopeAnalysis } from "./scope_analysis.ts";

/** A name that a function uses and does not bind. */
export interface FreeName {
  readonly name: string;
  /** Where it is used; positions count from the beginning of the text. */
  readonly references: readonly Reference[];
  /** It is only asked whether there is one: `typeof name`. */
  readonly typeofOnly: boolean;
  /** It gets a value somewhere. */
  readonly assigned: boolean;
}

/** A function or class as its text describes it. */
export interface FunctionText {
  readonly text: string;
  readonly kind: "expression" | "method" | "class";
  /** Its tree is of a function that can be called, an arrow function, or a class. */
  readonly type: "function" | "arrow" | "class" | "other";
  readonly isAsync: boolean;
  readonly isGenerator: boolean;
  readonly isAccessor: boolean;
  /** The name that it gives itself and that it uses. */
  readonly ownName: FreeName | undefined;
  /** For a method: its name unless that is computed, and where its parameters begin. */
  readonly method: { name: string | undefined; parameters: number } | undefined;
  readonly free: ReadonlyMap<string, FreeName>;
  /** All names in it. */
  readonly identifiers: ReadonlySet<string>;
  /** Those that it binds, anywhere in it. */
  readonly bound: ReadonlySet<string>;
  readonly imports: readonly ImportCall[];
  /** Places that a stack can name. */
  readonly marks: readonly number[];
  readonly importMeta: boolean;
  readonly superOutside: boolean;
  readonly thisOutside: boolean;
  readonly class: ClassText | undefined;
}

/** Functions are made anew wherever an inline arrow function runs; their text is not. */
const MAX_TEXTS = 1000;

const known = new Map<string, FunctionText>();

/** The text of a function or class, as it stands in its script. */
export function sourceOf(fn: AnyFunction): string {
  return Function.prototype.toString.call(fn);
}

/** Whether a text is that of a function that is not written in JavaScript. */
export function isNative(text: string): boolean {
  return /\{\s*\[native code\]\s*\}\s*$/.test(text);
}

/**
 * Read a function's text.
 *
 * @param text What `toString` gave; not of a native function.
 * @param who What error messages call the function.
 * @throws {FunctionError} When it is nothing that can stand on its own.
 */
export function readFunction(text: string, who: string): FunctionText {
  let read = known.get(text);
  if (read === undefined) {
    try {
      read = parse(text, who);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new FunctionError(`${who} is nested too deeply to be read; take it apart`);
    }
    if (known.size >= MAX_TEXTS) known.clear();
    known.set(text, read);
  }
  return read;
}

function parse(text: string, who: string): FunctionText {
  const parsed = parseFunction(text);
  if (parsed === undefined) {
    throw new FunctionError(`${who} cannot be sent to a worker: ${unreadable(text)}`);
  }
  const { node, offset, method } = parsed;
  const analysis = new ScopeAnalysis(node);
  const classText = node.type === "ClassExpression" ? readClass(node, text, offset) : undefined;
  const replaced = classText?.replaced ?? [];
  const stays = (start: number) => !isWithin(start - offset, replaced);
  const isFunction = node.type === "FunctionExpression";
  const isArrow = node.type === "ArrowFunctionExpression";
  const id = isFunction && method === undefined ? node.id : undefined;
  return {
    text,
    kind: node.type === "ClassExpression" ? "class" : parsed.kind,
    type: node.type === "ClassExpression"
      ? "class"
      : isArrow
      ? "arrow"
      : isFunction
      ? "function"
      : "other",
    isAsync: (isFunction || isArrow) && node.async === true,
    isGenerator: isFunction && node.generator === true,
    isAccessor: method?.isAccessor ?? false,
    ownName: id ? ownName(analysis, id, offset) : undefined,
    method: method && { name: method.name, parameters: method.parameters },
    free: freeNames(analysis.references.filter(({ start }) => stays(start)), offset),
    identifiers: analysis.identifiers,
    bound: analysis.bound,
    imports: analysis.importCalls.filter(({ start }) => stays(start))
      .map((call) => ({ ...call, start: call.start - offset })),
    marks: analysis.marks.map((mark) => mark - offset).sort((a, b) => a - b),
    importMeta: analysis.importMeta.some(stays),
    superOutside: analysis.superOutside,
    thisOutside: analysis.thisOutside.some(stays),
    class: classText,
  };
}

/** Whether a position lies in one of some parts of a text. */
export function isWithin(position: number, ranges: readonly Range[]): boolean {
  return ranges.some(({ start, end }) => position >= start && position < end);
}

function freeNames(references: readonly Reference[], offset: number): Map<string, FreeName> {
  const free = references.filter(({ binding }) => binding === undefined);
  return new Map(
    [...Map.groupBy(free, ({ name }) => name)].map((
      [name, those],
    ) => [name, freeName(name, those, offset)]),
  );
}

function freeName(name: string, references: readonly Reference[], offset: number): FreeName {
  return {
    name,
    references: references.map((one) => ({
      ...one,
      start: one.start - offset,
      end: one.end - offset,
    })),
    typeofOnly: references.every(({ form }) => form === "typeof"),
    assigned: references.some(({ assigned }) => assigned),
  };
}

function ownName(
  analysis: ScopeAnalysis,
  id: Extract<AnyNode, { type: "Identifier" }>,
  offset: number,
): FreeName | undefined {
  const references = analysis.references
    .filter(({ binding }) => binding?.kind === "function-name" && binding.start === id.start);
  return references.length === 0 ? undefined : freeName(id.name, references, offset);
}

/** Why the text of a function is not one on its own, and what to do about it. */
function unreadable(text: string): string {
  if (isSloppy(text)) {
    return "it is written in sloppy mode and breaks the rules of strict mode, in which tasks run";
  }
  if (/#[\p{ID_Start}$_]/u.test(text)) {
    return "it uses private names of its class; pass what they hold as arguments";
  }
  if (/\bsuper\b|\bnew\s*\.\s*target\b/.test(text)) {
    return "it uses super or new.target of the function around it; pass what it needs as arguments";
  }
  return "its source cannot be read as a function on its own; write it as a plain function";
}
