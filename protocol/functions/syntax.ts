/**
 * Small questions about syntax trees: which names a pattern binds, which `var`s a function has, what a
 * literal says.
 *
 * @module
 */
import type { AnyNode } from "./parse.ts";

/** What a parameter or declaration binds. */
export type Pattern = AnyNode;

/** Whether a field of a node is a node. */
export function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null &&
    typeof (value as { type?: unknown }).type === "string";
}

/** Call back with each name that a parameter or declaration binds, and where it stands. */
export function bindingPatterns(
  pattern: Pattern | null | undefined,
  bind: (name: string, start: number) => void,
): void {
  if (pattern === null || pattern === undefined) return;
  switch (pattern.type) {
    case "Identifier":
      bind(pattern.name, pattern.start);
      break;
    case "ObjectPattern":
      for (const property of pattern.properties) {
        bindingPatterns(property.type === "Property" ? property.value : property, bind);
      }
      break;
    case "ArrayPattern":
      for (const element of pattern.elements) bindingPatterns(element, bind);
      break;
    case "AssignmentPattern":
      bindingPatterns(pattern.left, bind);
      break;
    case "RestElement":
      bindingPatterns(pattern.argument, bind);
      break;
  }
}

/** Call back with the patterns of the `var`s of a function's body, wherever in its blocks they stand. */
export function varDeclarations(
  node: AnyNode | null | undefined,
  bind: (pattern: Pattern) => void,
): void {
  if (node === null || node === undefined) return;
  switch (node.type) {
    case "VariableDeclaration":
      if (node.kind === "var") { for (const one of node.declarations) bind(one.id); }
      break;
    case "ExportNamedDeclaration":
      varDeclarations(node.declaration, bind);
      break;
    case "BlockStatement":
      for (const statement of node.body) varDeclarations(statement, bind);
      break;
    case "IfStatement":
      varDeclarations(node.consequent, bind);
      varDeclarations(node.alternate, bind);
      break;
    case "ForStatement":
      varDeclarations(node.init, bind);
      varDeclarations(node.body, bind);
      break;
    case "ForInStatement":
    case "ForOfStatement":
      varDeclarations(node.left, bind);
      varDeclarations(node.body, bind);
      break;
    case "WhileStatement":
    case "DoWhileStatement":
    case "LabeledStatement":
    case "WithStatement":
      varDeclarations(node.body, bind);
      break;
    case "TryStatement":
      varDeclarations(node.block, bind);
      varDeclarations(node.handler?.body, bind);
      varDeclarations(node.finalizer, bind);
      break;
    case "SwitchStatement":
      for (const one of node.cases) {
        for (const statement of one.consequent) varDeclarations(statement, bind);
      }
      break;
  }
}

/** The value of a text that is known from the source. */
export function textOf(node: AnyNode): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type !== "TemplateLiteral" || node.expressions.length > 0) return undefined;
  return node.quasis[0].value.cooked ?? undefined;
}

/** The name in `import { name as local }` and `export { local as name }`. */
export function exportedName(node: AnyNode): string {
  return node.type === "Identifier" ? node.name : String((node as { value?: unknown }).value);
}

/** Whether an expression begins, at `start`, with the name of a function that it calls. */
export function startsWithCall(node: AnyNode, start: number): boolean {
  let first: AnyNode | null | undefined = node;
  while (first && first.start === start) {
    switch (first.type) {
      case "CallExpression":
        if (first.callee.type === "Identifier") return first.callee.start === start;
        first = first.callee;
        break;
      case "TaggedTemplateExpression":
        if (first.tag.type === "Identifier") return first.tag.start === start;
        first = first.tag;
        break;
      case "MemberExpression":
        first = first.object;
        break;
      case "ChainExpression":
        first = first.expression;
        break;
      case "AssignmentExpression":
      case "BinaryExpression":
      case "LogicalExpression":
        first = first.left;
        break;
      case "ConditionalExpression":
        first = first.test;
        break;
      case "SequenceExpression":
        first = first.expressions[0];
        break;
      case "UpdateExpression":
        if (first.prefix) return false;
        first = first.argument;
        break;
      default:
        return false;
    }
  }
  return false;
}
