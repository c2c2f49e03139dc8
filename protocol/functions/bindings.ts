/**
 * The names that a text binds, and the scopes in which they are bound.
 *
 * @module
 */
import type { AnyNode } from "./parse.ts";
import { bindingPatterns, exportedName, isNode, type Pattern } from "./syntax.ts";

/** What introduces a name. */
export type BindingKind =
  | "import"
  | "const"
  | "let"
  | "var"
  | "function"
  | "class"
  | "param"
  | "catch"
  /** The name of a function expression inside of it. */
  | "function-name"
  /** The name of a class inside of it. */
  | "class-name"
  | "arguments";

/** Nothing can assign to these. */
const UNCHANGING: ReadonlySet<BindingKind> = new Set([
  "import",
  "const",
  "function-name",
  "class-name",
]);

/** What an import binding is of. */
export interface ImportSource {
  readonly specifier: string;
  /** Name of the export; "*" is the whole namespace. */
  readonly name: string;
  /** The value of `with { type: … }`. */
  readonly type: string | undefined;
}

/** A name with the place where it is bound. */
export interface Binding {
  readonly name: string;
  readonly kind: BindingKind;
  /** Where its declaration begins. */
  readonly start: number;
  readonly scope: Scope;
  /** It is assigned to, other than once by its declaration. */
  reassigned: boolean;
  /** It is assigned to in a function inside the one that declares it. */
  assignedInside: boolean;
  readonly import?: ImportSource;
}

/** The names that one block, function or class binds. */
export class Scope {
  readonly bindings = new Map<string, Binding>();
  readonly parent: Scope | undefined;
  /** Number of the function, field or static block that it belongs to; 0 is what was analyzed. */
  readonly owner: number;

  readonly #identifiers: Set<string>;
  readonly #bound: Set<string>;

  /** @param parent The scope around it. @param owner Number of the function that it belongs to. */
  constructor(parent: Scope | undefined, owner: number) {
    this.parent = parent;
    this.owner = owner;
    this.#identifiers = parent === undefined ? new Set() : parent.#identifiers;
    this.#bound = parent === undefined ? new Set() : parent.#bound;
  }

  /** All names of the text. */
  get identifiers(): Set<string> {
    return this.#identifiers;
  }

  /** All names that the text binds somewhere. */
  get bound(): ReadonlySet<string> {
    return this.#bound;
  }

  /** Bind a name. A variable, a parameter or a function bound twice is one that gets several values. */
  bind(name: string, kind: BindingKind, start: number, from?: ImportSource): void {
    this.#identifiers.add(name);
    this.#bound.add(name);
    const known = this.bindings.get(name);
    if (known !== undefined && known.kind !== "arguments") {
      if (kind !== "var") known.reassigned = true;
      return;
    }
    this.bindings.set(name, {
      ...{ name, kind, start, scope: this, reassigned: false, assignedInside: false },
      ...(from && { import: from }),
    });
  }

  /** Bind the names of a parameter or declaration. */
  bindPattern(pattern: Pattern, kind: BindingKind): void {
    bindingPatterns(pattern, (name, start) => this.bind(name, kind, start));
  }

  /** Code that is not known may assign to all that can be seen here. */
  expose(): void {
    // deno-lint-ignore no-this-alias
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      for (const binding of scope.bindings.values()) {
        if (!UNCHANGING.has(binding.kind)) binding.reassigned = true;
      }
    }
  }

  /** The binding that a name has here. */
  find(name: string): Binding | undefined {
    // deno-lint-ignore no-this-alias
    for (let scope: Scope | undefined = this; scope !== undefined; scope = scope.parent) {
      const binding = scope.bindings.get(name);
      if (binding !== undefined) return binding;
    }
    return undefined;
  }
}

/** Bind what the statements of a block declare for that block. */
export function bindStatements(statements: readonly AnyNode[], scope: Scope): void {
  for (const statement of statements) {
    let declaration = statement;
    while (declaration.type === "LabeledStatement") declaration = declaration.body;
    if (
      declaration.type === "ExportNamedDeclaration" ||
      declaration.type === "ExportDefaultDeclaration"
    ) {
      if (!isNode(declaration.declaration)) continue;
      declaration = declaration.declaration;
    }
    switch (declaration.type) {
      case "VariableDeclaration":
        if (declaration.kind !== "var") bindDeclarators(declaration, scope);
        break;
      case "FunctionDeclaration":
        if (declaration.id) scope.bindPattern(declaration.id, "function");
        break;
      case "ClassDeclaration":
        if (declaration.id) scope.bindPattern(declaration.id, "class");
        break;
      case "ImportDeclaration":
        bindImports(declaration, scope);
        break;
    }
  }
}

/** Bind the names of a `let` or `const`. */
export function bindDeclarators(
  declaration: Extract<AnyNode, { type: "VariableDeclaration" }>,
  scope: Scope,
): void {
  for (const { id } of declaration.declarations) {
    scope.bindPattern(id, declaration.kind === "let" ? "let" : "const");
  }
}

function bindImports(
  declaration: Extract<AnyNode, { type: "ImportDeclaration" }>,
  scope: Scope,
): void {
  const specifier = String(declaration.source.value);
  const attribute = declaration.attributes?.find(({ key }) =>
    (key.type === "Identifier" ? key.name : key.value) === "type"
  );
  const type = attribute === undefined ? undefined : String(attribute.value.value);
  for (const one of declaration.specifiers) {
    const { local } = one;
    const name = one.type === "ImportDefaultSpecifier"
      ? "default"
      : one.type === "ImportNamespaceSpecifier"
      ? "*"
      : exportedName(one.imported);
    scope.bind(local.name, "import", local.start, { specifier, name, type });
  }
}
