/**
 * The modules that a script's text names.
 *
 * @module
 */
import type { AnyNode, Program } from "../../protocol/functions/parse.ts";

/** One place where a module is named. */
export interface NamedImport {
  specifier: string;
  /** The text that names it, with its quotes. */
  node: { start: number; end: number };
}

/**
 * All static imports, exports from elsewhere, and dynamic imports of a name that is written out.
 *
 * @param program The syntax tree.
 * @returns In order.
 */
export function syntaxImports(program: Program): NamedImport[] {
  const found: NamedImport[] = [];
  visit(program, (node) => {
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
      case "ImportExpression": {
        const { source } = node;
        if (source?.type !== "Literal" || typeof source.value !== "string") return;
        found.push({ specifier: source.value, node: source });
      }
    }
  });
  return found.sort((a, b) => a.node.start - b.node.start);
}

/**
 * Where the text asks whether it is the main module.
 *
 * @param program The syntax tree.
 * @returns Places of `import.meta.main`, in order.
 */
export function mainQuestions(program: Program): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  visit(program, (node) => {
    if (node.type !== "MemberExpression" || node.object.type !== "MetaProperty") return;
    const { property, computed } = node;
    if (!computed && property.type === "Identifier" && property.name === "main") found.push(node);
  });
  return found.sort((a, b) => a.start - b.start);
}

/** Look at a tree, without recursion: what is generated may be nested deeply. */
function visit(root: Program, look: (node: AnyNode) => void): void {
  const left: unknown[] = [root];
  while (left.length > 0) {
    const value = left.pop();
    if (typeof value !== "object" || value === null) continue;
    if (typeof (value as AnyNode).type === "string") look(value as AnyNode);
    for (const inner of Object.values(value)) {
      if (typeof inner === "object" && inner !== null) left.push(inner);
    }
  }
}
