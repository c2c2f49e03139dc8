/**
 * Which names a piece of JavaScript uses, where each is bound, and which bindings change: the scope
 * analysis of a function's text, and of the whole module that it stands in.
 *
 * @module
 */
import { bindDeclarators, type Binding, bindStatements, Scope } from "./bindings.ts";
import type { AnyNode } from "./parse.ts";
import type { ImportCall, Reference, ReferenceForm } from "./references.ts";
import {
  bindingPatterns,
  isNode,
  type Pattern,
  startsWithCall,
  textOf,
  varDeclarations,
} from "./syntax.ts";

type IdentifierNode = Extract<AnyNode, { type: "Identifier" }>;
type FunctionNode = Extract<
  AnyNode,
  { type: "FunctionDeclaration" | "FunctionExpression" | "ArrowFunctionExpression" }
>;
type ClassNode = Extract<AnyNode, { type: "ClassDeclaration" | "ClassExpression" }>;

/** What one walk over a tree finds out. */
export class ScopeAnalysis {
  /** Every use of a name, in order. */
  readonly references: Reference[] = [];
  readonly importCalls: ImportCall[] = [];
  /** Places that a stack can name: calls, properties, `new`, `await`, `throw`. */
  readonly marks: number[] = [];
  /** Where it uses `import.meta`. */
  readonly importMeta: number[] = [];
  /** It uses `super` of an object or class around it. */
  superOutside = false;
  /** Where it uses `this` of the code around it. */
  readonly thisOutside: number[] = [];
  /** The module's own bindings. */
  readonly top: Scope = new Scope(undefined, 0);
  /** Functions, fields and static blocks around the node that have a `this` of their own. */
  #thisOwners = 0;
  /** Classes and object literals around the node: where `super` has a meaning. */
  #homes = 0;
  #owner = 0;
  #owners = 0;
  #loops = 0;

  /** All that stands where a name can. */
  get identifiers(): ReadonlySet<string> {
    return this.top.identifiers;
  }

  /** The names that something in the text binds. */
  get bound(): ReadonlySet<string> {
    return this.top.bound;
  }

  /**
   * Analyze a program, function or class.
   *
   * @param node Its tree.
   */
  constructor(node: AnyNode) {
    if (node.type === "Program") {
      bindStatements(node.body, this.top);
      for (const statement of node.body) {
        varDeclarations(statement, (pattern) => this.top.bindPattern(pattern, "var"));
      }
      for (const statement of node.body) this.#visit(statement, this.top);
    } else {
      this.#visit(node, this.top);
    }
  }

  #refer(
    { name, start, end }: IdentifierNode,
    form: ReferenceForm,
    scope: Scope,
    assigned = false,
  ): Binding | undefined {
    this.top.identifiers.add(name);
    const binding = scope.find(name);
    this.references.push({ name, start, end, form, assigned, binding });
    return binding;
  }

  #assign(node: IdentifierNode, form: ReferenceForm, scope: Scope): void {
    const binding = this.#refer(node, form, scope, true);
    if (binding === undefined) return;
    binding.reassigned = true;
    if (binding.scope.owner !== this.#owner) binding.assignedInside = true;
  }

  /** What is assigned to. */
  #visitTarget(target: AnyNode | null | undefined, scope: Scope): void {
    if (target === null || target === undefined) return;
    switch (target.type) {
      case "Identifier":
        return this.#assign(target, "plain", scope);
      case "ObjectPattern":
        for (const property of target.properties) {
          if (property.type !== "Property") {
            this.#visitTarget(property, scope);
          } else if (property.shorthand && property.key.type === "Identifier") {
            this.#assign(property.key, "shorthand", scope);
            if (property.value.type === "AssignmentPattern") {
              this.#visit(property.value.right, scope);
            }
          } else {
            if (property.computed) this.#visit(property.key, scope);
            this.#visitTarget(property.value, scope);
          }
        }
        return;
      case "ArrayPattern":
        for (const element of target.elements) this.#visitTarget(element, scope);
        return;
      case "AssignmentPattern":
        this.#visitTarget(target.left, scope);
        return this.#visit(target.right, scope);
      case "RestElement":
        return this.#visitTarget(target.argument, scope);
      default:
        this.#visit(target, scope);
    }
  }

  /** The expressions in a pattern that declares: computed keys and default values. */
  #visitBinding(pattern: Pattern | null | undefined, scope: Scope): void {
    if (pattern === null || pattern === undefined) return;
    switch (pattern.type) {
      case "Identifier":
        return;
      case "ObjectPattern":
        for (const property of pattern.properties) {
          if (property.type === "Property") {
            if (property.computed) this.#visit(property.key, scope);
            this.#visitBinding(property.value, scope);
          } else {
            this.#visitBinding(property, scope);
          }
        }
        return;
      case "ArrayPattern":
        for (const element of pattern.elements) this.#visitBinding(element, scope);
        return;
      case "AssignmentPattern":
        this.#visitBinding(pattern.left, scope);
        return this.#visit(pattern.right, scope);
      case "RestElement":
        return this.#visitBinding(pattern.argument, scope);
    }
  }

  #visit(node: AnyNode | null | undefined, scope: Scope): void {
    if (node === null || node === undefined) return;
    switch (node.type) {
      case "Identifier":
        this.#refer(node, "plain", scope);
        return;
      case "Literal":
      case "TemplateElement":
      case "PrivateIdentifier":
      case "BreakStatement":
      case "ContinueStatement":
        return;
      case "MemberExpression":
        this.marks.push(node.property.start);
        this.#visit(node.object, scope);
        if (node.computed) this.#visit(node.property, scope);
        return;
      case "ExpressionStatement":
        if (startsWithCall(node.expression, node.start)) {
          return this.#visitFirstCall(node.expression, scope);
        }
        return this.#visit(node.expression, scope);
      case "CallExpression":
        return this.#visitCall(node.callee, node.arguments, scope, "call");
      case "TaggedTemplateExpression":
        return this.#visitCall(node.tag, node.quasi.expressions, scope, "call");
      case "BinaryExpression":
      case "LogicalExpression":
        return this.#visitOperators(node, scope);
      case "NewExpression":
      case "AwaitExpression":
      case "ThrowStatement":
        this.marks.push(node.start);
        break;
      case "Property":
        if (node.shorthand && node.key.type === "Identifier") {
          this.#refer(node.key, "shorthand", scope);
          return;
        }
        if (node.computed) this.#visit(node.key, scope);
        if (node.method || node.kind !== "init") this.#homes++;
        this.#visit(node.value, scope);
        if (node.method || node.kind !== "init") this.#homes--;
        return;
      case "AssignmentExpression":
        this.#visitTarget(node.left, scope);
        return this.#visit(node.right, scope);
      case "UpdateExpression":
        return this.#visitTarget(node.argument, scope);
      case "VariableDeclaration":
        return this.#visitDeclaration(node, scope);
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) this.#visit(node.key, scope);
        return this.#inOwner(() => this.#visit(node.value, scope));
      case "LabeledStatement":
        return this.#visit(node.body, scope);
      case "UnaryExpression":
        if (node.operator === "typeof" && node.argument.type === "Identifier") {
          this.#refer(node.argument, "typeof", scope);
          return;
        }
        return this.#visit(node.argument, scope);
      case "FunctionDeclaration":
      case "ArrowFunctionExpression":
        return this.#visitFunction(node, scope);
      case "FunctionExpression": {
        const own = new Scope(scope, this.#owner);
        if (node.id) own.bindPattern(node.id, "function-name");
        return this.#visitFunction(node, own);
      }
      case "ClassDeclaration":
      case "ClassExpression":
        return this.#visitClass(node, scope);
      case "StaticBlock":
        return this.#inOwner(() => {
          const own = new Scope(scope, this.#owner);
          for (const statement of node.body) {
            varDeclarations(statement, (pattern) => own.bindPattern(pattern, "var"));
          }
          this.#visitStatements(node.body, own);
        });
      case "BlockStatement":
        return this.#visitStatements(node.body, new Scope(scope, this.#owner));
      case "ForStatement": {
        const own = this.#headScope(node.init, scope);
        this.#visit(node.init, own);
        return this.#inLoop(() => {
          this.#visit(node.test, own);
          this.#visit(node.update, own);
          this.#visit(node.body, own);
        });
      }
      case "ForInStatement":
      case "ForOfStatement": {
        const own = this.#headScope(node.left, scope);
        this.marks.push(node.right.start);
        this.#visit(node.right, own);
        return this.#inLoop(() => {
          if (node.left.type === "VariableDeclaration") {
            this.#visitDeclaration(node.left, own, true);
          } else this.#visitTarget(node.left, own);
          this.#visit(node.body, own);
        });
      }
      case "WhileStatement":
      case "DoWhileStatement":
        return this.#inLoop(() => {
          this.#visit(node.test, scope);
          this.#visit(node.body, scope);
        });
      case "SwitchStatement": {
        this.#visit(node.discriminant, scope);
        const own = new Scope(scope, this.#owner);
        for (const one of node.cases) bindStatements(one.consequent, own);
        for (const one of node.cases) {
          this.#visit(one.test, own);
          for (const statement of one.consequent) this.#visit(statement, own);
        }
        return;
      }
      case "CatchClause": {
        const own = new Scope(scope, this.#owner);
        if (node.param) own.bindPattern(node.param, "catch");
        this.#visitBinding(node.param, own);
        return this.#visit(node.body, own);
      }
      case "MetaProperty":
        if (node.meta.name === "import") this.importMeta.push(node.start);
        return;
      case "ThisExpression":
        if (this.#thisOwners === 0) this.thisOutside.push(node.start);
        return;
      case "Super":
        if (this.#homes === 0) this.superOutside = true;
        return;
      case "ImportExpression":
        this.importCalls.push({ start: node.start, specifier: textOf(node.source) });
        break;
      case "ImportDeclaration":
      case "ExportAllDeclaration":
        return;
      case "ExportNamedDeclaration":
        // The local names of `export { a as b }` are no use of their values.
        return this.#visit(node.declaration, scope);
    }
    for (const child of Object.values(node)) {
      if (Array.isArray(child)) {
        for (const element of child) if (isNode(element)) this.#visit(element, scope);
      } else if (isNode(child)) {
        this.#visit(child, scope);
      }
    }
  }

  /** Long sums lean to the left: they take no more stack than short ones. */
  #visitOperators(node: AnyNode, scope: Scope): void {
    const right: AnyNode[] = [];
    let left = node;
    while (left.type === "BinaryExpression" || left.type === "LogicalExpression") {
      right.push(left.right);
      left = left.left;
    }
    this.#visit(left, scope);
    while (right.length > 0) this.#visit(right.pop(), scope);
  }

  #visitCall(
    callee: AnyNode,
    args: readonly AnyNode[],
    scope: Scope,
    form: ReferenceForm,
  ): void {
    if (callee.type === "Identifier") {
      this.marks.push(callee.start);
      const binding = this.#refer(callee, form, scope);
      // What it runs may assign to all that it sees.
      if (callee.name === "eval" && binding === undefined) scope.expose();
    } else {
      this.#visit(callee, scope);
    }
    for (const argument of args) this.#visit(argument, scope);
  }

  /** A statement whose first word is the name of a function that is called. */
  #visitFirstCall(node: AnyNode, scope: Scope): void {
    const first = this.references.length;
    this.#visit(node, scope);
    const index = this.references.findIndex((one, i) => i >= first && one.start === node.start);
    this.references[index] = { ...this.references[index], form: "call-statement" };
  }

  #visitDeclaration(
    node: Extract<AnyNode, { type: "VariableDeclaration" }>,
    scope: Scope,
    initialized = false,
  ): void {
    for (const { id, init } of node.declarations) {
      if (node.kind === "var" && (init || initialized)) {
        bindingPatterns(id, (name) => this.#initialized(scope.find(name)));
      }
      this.#visitBinding(id, scope);
      this.#visit(init, scope);
    }
  }

  readonly #initializedVars = new Set<Binding>();

  /** A `var` gets the value of its declaration; the second time, it is a new value. */
  #initialized(binding: Binding | undefined): void {
    if (binding === undefined) return;
    if (this.#loops > 0 || binding.kind !== "var" || this.#initializedVars.has(binding)) {
      binding.reassigned = true;
    }
    this.#initializedVars.add(binding);
  }

  #visitClass(node: ClassNode, scope: Scope): void {
    const own = new Scope(scope, this.#owner);
    if (node.id) own.bindPattern(node.id, "class-name");
    this.#visit(node.superClass, own);
    this.#homes++;
    for (const member of node.body.body) this.#visit(member, own);
    this.#homes--;
  }

  #visitFunction(node: FunctionNode, scope: Scope): void {
    const isArrow = node.type === "ArrowFunctionExpression";
    const [owner, loops] = [this.#owner, this.#loops];
    this.#owner = ++this.#owners;
    this.#loops = 0;
    // A default value of a parameter sees the parameters, and not the variables of the body.
    const head = new Scope(scope, this.#owner);
    if (!isArrow) {
      head.bind("arguments", "arguments", node.start);
      this.#thisOwners++;
    }
    for (const parameter of node.params) head.bindPattern(parameter, "param");
    for (const parameter of node.params) this.#visitBinding(parameter, head);
    const body = new Scope(head, this.#owner);
    if (node.body.type === "BlockStatement") {
      varDeclarations(node.body, (pattern) => body.bindPattern(pattern, "var"));
      // A variable that has a parameter's name begins with the parameter's value.
      for (const variable of body.bindings.values()) {
        if (head.bindings.has(variable.name)) variable.reassigned = true;
      }
      this.#visitStatements(node.body.body, body);
    } else {
      this.#visit(node.body, body);
    }
    if (!isArrow) this.#thisOwners--;
    this.#owner = owner;
    this.#loops = loops;
  }

  #visitStatements(statements: readonly AnyNode[], scope: Scope): void {
    bindStatements(statements, scope);
    for (const statement of statements) this.#visit(statement, scope);
  }

  #headScope(head: AnyNode | null | undefined, scope: Scope): Scope {
    const own = new Scope(scope, this.#owner);
    if (head?.type === "VariableDeclaration" && head.kind !== "var") {
      bindDeclarators(head, own);
    }
    return own;
  }

  #inLoop(visit: () => void): void {
    this.#loops++;
    visit();
    this.#loops--;
  }

  /** A field or static block: runs as a function does, with a `this` of its own. */
  #inOwner(visit: () => void): void {
    const [owner, loops] = [this.#owner, this.#loops];
    this.#owner = ++this.#owners;
    this.#loops = 0;
    this.#thisOwners++;
    visit();
    this.#thisOwners--;
    this.#owner = owner;
    this.#loops = loops;
  }
}
