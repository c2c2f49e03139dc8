/**
 * Which names a function uses without binding them: the scope analysis behind the check at `submit`.
 *
 * @module
 */
import type { AnyNode } from "./parse.ts";

/** What a function refers to outside of itself. */
export interface FreeNames {
  /** Names bound neither by the function nor by anything in it, in order of appearance. */
  names: Set<string>;
  /** It uses `import.meta`. */
  importMeta: boolean;
  /** It uses `super` of the object or class that it was a method of. */
  superOutside: boolean;
  /** It is an arrow function, or has one in it, that uses `this` of the code around the function. */
  thisOutside: boolean;
  /** Specifiers of `import()` that are relative to the function's module, or in an import map's hands. */
  localImports: string[];
}

/** The names that one block, function or class binds. */
class Scope {
  readonly names = new Set<string>();
  readonly #parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.#parent = parent;
  }

  has(name: string): boolean {
    // deno-lint-ignore no-this-alias
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.#parent) {
      if (scope.names.has(name)) return true;
    }
    return false;
  }
}

type Pattern = AnyNode;

/** Put the names that a parameter or a declaration binds into `names`. */
function bindPattern(pattern: Pattern | null | undefined, names: Set<string>): void {
  if (pattern === null || pattern === undefined) return;
  switch (pattern.type) {
    case "Identifier":
      names.add(pattern.name);
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        bindPattern(property.type === "Property" ? property.value : property, names);
      }
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) bindPattern(element, names);
      break;
    case "AssignmentPattern":
      bindPattern(pattern.left, names);
      break;
    case "RestElement":
      bindPattern(pattern.argument, names);
      break;
  }
}

/** Put what the statements of a block bind in that block into `names`. */
function bindLexical(statements: readonly AnyNode[], names: Set<string>): void {
  for (const statement of statements) {
    let declaration = statement;
    while (declaration.type === "LabeledStatement") declaration = declaration.body;
    if (declaration.type === "VariableDeclaration") {
      if (declaration.kind !== "var") bindDeclarators(declaration, names);
    } else if (
      declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration"
    ) {
      bindPattern(declaration.id, names);
    }
  }
}

function bindDeclarators(
  declaration: Extract<AnyNode, { type: "VariableDeclaration" }>,
  names: Set<string>,
): void {
  for (const declarator of declaration.declarations) bindPattern(declarator.id, names);
}

/** Put the `var`s of a function's body into `names`, wherever in its blocks they stand. */
function bindVars(node: AnyNode | null | undefined, names: Set<string>): void {
  if (node === null || node === undefined) return;
  switch (node.type) {
    case "VariableDeclaration":
      if (node.kind === "var") bindDeclarators(node, names);
      break;
    case "BlockStatement":
      for (const statement of node.body) bindVars(statement, names);
      break;
    case "IfStatement":
      bindVars(node.consequent, names);
      bindVars(node.alternate, names);
      break;
    case "ForStatement":
      bindVars(node.init, names);
      bindVars(node.body, names);
      break;
    case "ForInStatement":
    case "ForOfStatement":
      bindVars(node.left, names);
      bindVars(node.body, names);
      break;
    case "WhileStatement":
    case "DoWhileStatement":
    case "LabeledStatement":
    case "WithStatement":
      bindVars(node.body, names);
      break;
    case "TryStatement":
      bindVars(node.block, names);
      bindVars(node.handler?.body, names);
      bindVars(node.finalizer, names);
      break;
    case "SwitchStatement":
      for (const one of node.cases) {
        for (const statement of one.consequent) bindVars(statement, names);
      }
      break;
  }
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null &&
    typeof (value as { type?: unknown }).type === "string";
}

/** The value of a text that is known from the source. */
function textOf(node: AnyNode): string | undefined {
  if (node.type === "Literal") return String(node.value);
  if (node.type !== "TemplateLiteral" || node.expressions.length > 0) return undefined;
  return node.quasis[0].value.cooked ?? undefined;
}

class Analysis {
  readonly free: FreeNames = {
    names: new Set(),
    importMeta: false,
    superOutside: false,
    thisOutside: false,
    localImports: [],
  };
  /** Functions, fields and static blocks around the node that have a `this` of their own. */
  #owners = 0;
  /** Classes and object literals around the node: where `super` has a meaning. */
  #homes = 0;

  visit(node: AnyNode | null | undefined, scope: Scope): void {
    if (node === null || node === undefined) return;
    switch (node.type) {
      case "Identifier":
        if (!scope.has(node.name)) this.free.names.add(node.name);
        return;
      case "MemberExpression":
        this.visit(node.object, scope);
        if (node.computed) this.visit(node.property, scope);
        return;
      case "Property":
        if (node.computed) this.visit(node.key, scope);
        if (node.method || node.kind !== "init") this.#homes++;
        this.visit(node.value, scope);
        if (node.method || node.kind !== "init") this.#homes--;
        return;
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) this.visit(node.key, scope);
        this.#owners++;
        this.visit(node.value, scope);
        this.#owners--;
        return;
      case "LabeledStatement":
        this.visit(node.body, scope);
        return;
      case "BreakStatement":
      case "ContinueStatement":
        return;
      case "UnaryExpression":
        // `typeof x` is the way to ask whether there is an x, and never throws.
        if (node.operator === "typeof" && node.argument.type === "Identifier") return;
        this.visit(node.argument, scope);
        return;
      case "FunctionDeclaration":
      case "ArrowFunctionExpression":
        this.#visitFunction(node, scope);
        return;
      case "FunctionExpression": {
        const own = new Scope(scope);
        bindPattern(node.id, own.names);
        this.#visitFunction(node, own);
        return;
      }
      case "ClassDeclaration":
      case "ClassExpression": {
        const own = new Scope(scope);
        bindPattern(node.id, own.names);
        this.visit(node.superClass, own);
        this.#homes++;
        for (const member of node.body.body) this.visit(member, own);
        this.#homes--;
        return;
      }
      case "StaticBlock": {
        const own = new Scope(scope);
        for (const statement of node.body) bindVars(statement, own.names);
        this.#owners++;
        this.#visitStatements(node.body, own);
        this.#owners--;
        return;
      }
      case "BlockStatement":
        this.#visitStatements(node.body, new Scope(scope));
        return;
      case "ForStatement": {
        const own = this.#headScope(node.init, scope);
        this.visit(node.init, own);
        this.visit(node.test, own);
        this.visit(node.update, own);
        this.visit(node.body, own);
        return;
      }
      case "ForInStatement":
      case "ForOfStatement": {
        const own = this.#headScope(node.left, scope);
        this.visit(node.left, own);
        this.visit(node.right, own);
        this.visit(node.body, own);
        return;
      }
      case "SwitchStatement": {
        this.visit(node.discriminant, scope);
        const own = new Scope(scope);
        for (const one of node.cases) bindLexical(one.consequent, own.names);
        for (const one of node.cases) {
          this.visit(one.test, own);
          for (const statement of one.consequent) this.visit(statement, own);
        }
        return;
      }
      case "CatchClause": {
        const own = new Scope(scope);
        bindPattern(node.param, own.names);
        this.visit(node.param, own);
        this.visit(node.body, own);
        return;
      }
      case "MetaProperty":
        if (node.meta.name === "import") this.free.importMeta = true;
        return;
      case "ThisExpression":
        if (this.#owners === 0) this.free.thisOutside = true;
        return;
      case "Super":
        if (this.#homes === 0) this.free.superOutside = true;
        return;
      case "ImportExpression": {
        const { source } = node;
        const specifier = textOf(source);
        if (specifier !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(specifier)) {
          this.free.localImports.push(specifier);
        }
        this.visit(source, scope);
        if (isNode(node.options)) this.visit(node.options, scope);
        return;
      }
    }
    for (const child of Object.values(node)) {
      if (Array.isArray(child)) {
        for (const element of child) if (isNode(element)) this.visit(element, scope);
      } else if (isNode(child)) {
        this.visit(child, scope);
      }
    }
  }

  #visitFunction(
    node: Extract<
      AnyNode,
      { type: "FunctionDeclaration" | "FunctionExpression" | "ArrowFunctionExpression" }
    >,
    scope: Scope,
  ): void {
    // A default value of a parameter sees the parameters, and not the variables of the body.
    const head = new Scope(scope);
    const isArrow = node.type === "ArrowFunctionExpression";
    if (!isArrow) {
      head.names.add("arguments");
      this.#owners++;
    }
    for (const parameter of node.params) bindPattern(parameter, head.names);
    for (const parameter of node.params) this.visit(parameter, head);
    const body = new Scope(head);
    if (node.body.type === "BlockStatement") {
      bindVars(node.body, body.names);
      this.#visitStatements(node.body.body, body);
    } else {
      this.visit(node.body, body);
    }
    if (!isArrow) this.#owners--;
  }

  #visitStatements(statements: readonly AnyNode[], scope: Scope): void {
    bindLexical(statements, scope.names);
    for (const statement of statements) this.visit(statement, scope);
  }

  #headScope(head: AnyNode | null | undefined, scope: Scope): Scope {
    const own = new Scope(scope);
    if (head?.type === "VariableDeclaration" && head.kind !== "var") {
      bindDeclarators(head, own.names);
    }
    return own;
  }
}

/**
 * Find what a function refers to outside of itself. Standard globals count as free here.
 *
 * @param node The function's tree.
 * @returns Its free names and other ties to its module.
 */
export function findFreeNames(node: AnyNode): FreeNames {
  const analysis = new Analysis();
  analysis.visit(node, new Scope());
  return analysis.free;
}
