/**
 * A walk through the nodes of a syntax tree.
 *
 * @module
 */
import type { AnyNode } from "../../protocol/functions/parse.ts";
import { isNode } from "../../protocol/functions/syntax.ts";

/** What a walk tells of each node: the nodes around it, outermost first, are valid during the call. */
export type Visitor = (node: AnyNode, around: readonly AnyNode[]) => void;

/**
 * Visit a node and all that is in it, as far as it has one of the positions in it. Does not recurse, so
 * that depth is no limit.
 *
 * @param root Where to begin.
 * @param positions Positions in the text, in order. Nodes around none of them are left out.
 * @param visit Called for each node, before what is in it.
 */
export function walk(root: AnyNode, positions: readonly number[], visit: Visitor): void {
  const around: AnyNode[] = [];
  const pending: (AnyNode | undefined)[] = [root];
  while (pending.length > 0) {
    const node = pending.pop();
    if (node === undefined) {
      around.pop();
      continue;
    }
    if (!isAroundAny(node, positions)) continue;
    visit(node, around);
    around.push(node);
    pending.push(undefined);
    for (const key in node) {
      const value: unknown = node[key as keyof AnyNode];
      if (Array.isArray(value)) {
        for (const item of value) if (isNode(item)) pending.push(item);
      } else if (isNode(value)) {
        pending.push(value);
      }
    }
  }
}

function isAroundAny({ start, end }: AnyNode, positions: readonly number[]): boolean {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positions[middle] < start) low = middle + 1;
    else high = middle;
  }
  return low < positions.length && positions[low] < end;
}

/** Whether an identifier names a variable, rather than a property or a label. */
export function isVariable(node: AnyNode, parent: AnyNode | undefined): boolean {
  switch (parent?.type) {
    case "MemberExpression":
      return parent.object === node || parent.computed;
    case "Property":
      return parent.value === node || parent.computed;
    case "MethodDefinition":
    case "PropertyDefinition":
      return parent.value === node || parent.computed;
    case "LabeledStatement":
    case "BreakStatement":
    case "ContinueStatement":
    case "MetaProperty":
      return false;
    default:
      return true;
  }
}
