/**
 * Has code that launches tasks hand out what the functions that it makes close over, so that a task can
 * submit them: in the thread that runs it nothing can see their variables. Each function that the text
 * makes is passed to a function that the code around the text declares, with a way to its variables.
 *
 * @module
 */
import type { Binding } from "./bindings.ts";
import { type AnyNode, parseFunction } from "./parse.ts";
import type { Reference } from "./references.ts";
import type { Edit } from "./rewrite.ts";
import { ScopeAnalysis } from "./scope_analysis.ts";
import { isNode } from "./syntax.ts";

/** The name that the code around a text declares: see `MadeFunction` in `compile_definition.ts`. */
const MADE = "m\u00e0de";
/** What code that launches tasks says. */
const LAUNCHES = /\b(?:workerClient|getClient)\b|\.\s*submit\s*\(/;

/** Whether a text, or the module that it stands in, seems to launch tasks. */
export function launchesTasks(text: string): boolean {
  return LAUNCHES.test(text);
}

type FunctionNode = Extract<
  AnyNode,
  { type: "FunctionDeclaration" | "FunctionExpression" | "ArrowFunctionExpression" }
>;

/** A function that the text makes. */
interface Made {
  readonly node: FunctionNode;
  /** What it is called by the place where it stands. */
  readonly name: string | undefined;
  /** For a declaration: where its block begins. */
  readonly block: number;
}

/**
 * The edits that hand out the functions that a text makes.
 *
 * @param text The text of a function.
 * @param variableOf What the text calls, after all other edits, a variable that is declared around it;
 * undefined: it is none.
 */
export function handOutFunctions(
  text: string,
  variableOf: (name: string) => string | undefined,
): Edit[] {
  const parsed = parseFunction(text);
  if (parsed === undefined) return [];
  const { node, offset } = parsed;
  const made: Made[] = [];
  for (const child of childrenOf(node)) collect(child, made, undefined, -1);
  if (made.length === 0) return [];
  const { references } = new ScopeAnalysis(node);
  const analyzed = made.map((one) => new Analyzed(one, references));
  const edits: Edit[] = [];
  const insert = (at: number, text: string) => {
    edits.push({ start: at - offset, end: at - offset, text });
  };
  for (const one of analyzed) {
    const { node, name, block } = one.made;
    const variables = one.variables(variableOf);
    const shared = one.shared(analyzed);
    const more = shared !== undefined
      ? `,${name === undefined ? "undefined" : JSON.stringify(name)},${JSON.stringify(shared)}`
      : name !== undefined
      ? `,${JSON.stringify(name)}`
      : "";
    const rest = `,()=>({${variables.join(",")}})${more})`;
    if (node.type === "FunctionDeclaration") {
      insert(block, `${MADE}(${node.id!.name}${rest};`);
    } else {
      insert(node.start, `${MADE}(`);
      insert(node.end, rest);
    }
  }
  return edits;
}

/** A function, and what it uses of the code around it. */
class Analyzed {
  readonly made: Made;
  /** Uses of names that are declared around it. */
  readonly #outside: Reference[];

  constructor(made: Made, references: readonly Reference[]) {
    this.made = made;
    this.#outside = references.filter(({ start, binding }) =>
      this.has(start) && !(binding !== undefined && this.#declares(binding))
    );
  }

  has(position: number): boolean {
    const { start, end } = this.made.node;
    return position >= start && position < end;
  }

  /** Its own name, too, is what it calls itself wherever it is. */
  #declares({ start }: Binding): boolean {
    return this.has(start);
  }

  /** The variables around it that it uses. */
  variables(variableOf: (name: string) => string | undefined): string[] {
    const names = new Set<string>();
    for (const { name, binding } of this.#outside) {
      const isLocal = binding !== undefined && binding.kind !== "function-name";
      const variable = isLocal ? name : variableOf(name) ?? (binding && name);
      if (variable !== undefined) names.add(variable);
    }
    return [...names];
  }

  /**
   * A variable of the text that it uses, and that another function changes which travels with it: each
   * would get a copy of its own.
   */
  shared(all: readonly Analyzed[]): string | undefined {
    const together = new Set<Analyzed>([this]);
    for (const one of together) {
      for (const other of all) if (one.#uses(other)) together.add(other);
    }
    together.delete(this);
    for (const { binding, name } of this.#outside) {
      if (binding?.assignedInside && [...together].some((one) => one.#shares(binding, this))) {
        return name;
      }
    }
    return undefined;
  }

  /** Whether it uses a function by its name. */
  #uses({ made: { node, name } }: Analyzed): boolean {
    return this.#outside.some(({ binding }) =>
      binding !== undefined &&
      (node.type === "FunctionDeclaration"
        ? binding.start === node.id!.start || binding.name === node.id!.name
        : binding.name === name)
    );
  }

  #shares(binding: Binding, other: Analyzed): boolean {
    return !other.has(this.made.node.start) &&
      this.#outside.some((reference) => reference.binding === binding);
  }
}

function collect(
  node: AnyNode,
  made: Made[],
  name: string | undefined,
  block: number,
): void {
  switch (node.type) {
    case "BlockStatement":
      block = blockStart(node.body, node.start + 1);
      break;
    case "StaticBlock":
      block = node.body[0]?.start ?? node.end;
      break;
    case "SwitchStatement":
      // Its cases are one scope, in which nothing stands before the first one.
      block = -1;
      break;
    case "Property":
    case "MethodDefinition":
    case "PropertyDefinition": {
      if (node.computed) collect(node.key, made, undefined, block);
      const { value } = node;
      if (value === null || value === undefined) return;
      const isMethod = node.type === "MethodDefinition" ||
        node.type === "Property" && (node.method || node.kind !== "init");
      if (!isMethod) return collect(value, made, keyName(node.key, node.computed), block);
      for (const child of childrenOf(value)) collect(child, made, undefined, -1);
      return;
    }
    case "VariableDeclarator":
      collect(node.id, made, undefined, block);
      if (node.init) collect(node.init, made, identifierName(node.id), block);
      return;
    case "AssignmentExpression":
    case "AssignmentPattern":
      collect(node.left, made, undefined, block);
      collect(node.right, made, identifierName(node.left), block);
      return;
    case "FunctionDeclaration":
    case "FunctionExpression":
    case "ArrowFunctionExpression":
      for (const child of childrenOf(node)) collect(child, made, undefined, -1);
      // Inner functions come first: where they end at one place, they are closed first.
      if (standsAlone(node, block)) {
        const hasOwnName = node.type !== "ArrowFunctionExpression" && node.id;
        made.push({ node, name: hasOwnName ? undefined : name, block });
      }
      return;
  }
  for (const child of childrenOf(node)) collect(child, made, undefined, block);
}

/** Where a statement can be put that comes first in a block: after directives. */
function blockStart(body: readonly AnyNode[], start: number): number {
  let at = start;
  for (const statement of body) {
    if (statement.type !== "ExpressionStatement" || statement.directive === undefined) break;
    at = statement.end;
  }
  return at;
}

/** Whether a function means the same elsewhere. */
function standsAlone(node: FunctionNode, block: number): boolean {
  if (node.type === "FunctionDeclaration") return block >= 0;
  return node.type === "FunctionExpression" || !usesSurroundings(node);
}

/** Whether an arrow function uses `this` and the like of the code around it. */
function usesSurroundings(node: AnyNode): boolean {
  switch (node.type) {
    case "ThisExpression":
    case "Super":
      return true;
    case "MetaProperty":
      return node.meta.name === "new";
    case "Identifier":
      return node.name === "arguments";
    case "FunctionDeclaration":
    case "FunctionExpression":
      return false;
    case "ClassDeclaration":
    case "ClassExpression":
      return node.superClass ? usesSurroundings(node.superClass) : false;
  }
  return childrenOf(node).some(usesSurroundings);
}

function keyName(key: AnyNode, computed: boolean): string | undefined {
  if (computed) return undefined;
  return key.type === "Identifier"
    ? key.name
    : key.type === "Literal"
    ? String(key.value)
    : undefined;
}

function identifierName(node: AnyNode): string | undefined {
  return node.type === "Identifier" ? node.name : undefined;
}

function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) children.push(...value.filter(isNode));
    else if (isNode(value)) children.push(value);
  }
  return children;
}
