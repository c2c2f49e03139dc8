/**
 * What a class's text says about how the class is made: which of its members are values that the live
 * class has, which names it needs at once, and what it keeps private.
 *
 * @module
 */
import type { AnyNode, ClassExpression } from "./parse.ts";

/** Part of a text. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A private static field. Its value can be seen in the live class, and is put in its declaration. */
export interface PrivateStatic {
  /** With the `#`. */
  readonly name: string;
  /** What the value takes the place of: all that follows the name. */
  readonly value: Range;
}

/** A class as its text describes it. Positions count from the beginning of the text. */
export interface ClassText {
  /** The expression after `extends`. */
  readonly heritage: Range | undefined;
  /** `extends` is followed by more than names: evaluating it again could give another class. */
  readonly heritageIsComputed: boolean;
  /** Names there are used when the class is made. */
  readonly early: readonly Range[];
  /** Static fields and static blocks: their work is done, and what came of it is in the live class. */
  readonly statics: readonly Range[];
  readonly privateStatics: readonly PrivateStatic[];
  /** All that does not travel as it is written: values of the live class take its place. */
  readonly replaced: readonly Range[];
  /** Private names of instances. */
  readonly privates: readonly string[];
  /** Texts of the methods and accessors that the class makes on itself. */
  readonly staticMethods: ReadonlySet<string>;
  /** Texts of those that it makes on its prototype. */
  readonly methods: ReadonlySet<string>;
}

/** A path of names: `Base`, `ns.Base`. */
function isPath(node: AnyNode): boolean {
  if (node.type === "MemberExpression") return !node.computed && isPath(node.object);
  return node.type === "Identifier" || (node.type === "Literal" && node.value === null);
}

/**
 * Read a class's tree.
 *
 * @param node The tree.
 * @param text The class's text.
 * @param offset How far positions in the tree are ahead of those in the text.
 */
export function readClass(node: ClassExpression, text: string, offset: number): ClassText {
  const range = ({ start, end }: Range): Range => ({ start: start - offset, end: end - offset });
  const early: Range[] = [];
  const statics: Range[] = [];
  const privateStatics: PrivateStatic[] = [];
  const privates: string[] = [];
  const staticMethods = new Set<string>();
  const methods = new Set<string>();
  const { superClass } = node;
  const heritageIsComputed = superClass ? !isPath(superClass) : false;
  if (superClass && !heritageIsComputed) early.push(range(superClass));
  for (const member of node.body.body) {
    if (member.type === "StaticBlock") {
      statics.push(range(member));
      continue;
    }
    const { key } = member;
    if (key.type === "PrivateIdentifier") {
      if (!member.static) {
        privates.push(`#${key.name}`);
      } else if (member.type === "PropertyDefinition") {
        const value = { start: key.end, end: member.end };
        privateStatics.push({ name: `#${key.name}`, value: range(value) });
      }
      continue;
    }
    if (member.type === "PropertyDefinition" && member.static) {
      statics.push(range(member));
      continue;
    }
    if (member.computed) early.push(range(key));
    if (member.type === "MethodDefinition") {
      const { start, end } = range(member);
      const source = text.slice(start, end);
      // `toString` of a static method begins after the word and what follows it.
      if (member.static) staticMethods.add(source.replace(/^static(?:\s|\/\*[^]*?\*\/)*/, ""));
      else methods.add(source);
    }
  }
  return {
    heritage: superClass ? range(superClass) : undefined,
    ...{ heritageIsComputed, early, statics, privateStatics },
    replaced: [
      ...statics,
      ...privateStatics.map(({ value }) => value),
      ...heritageIsComputed ? [range(superClass!)] : [],
    ],
    ...{ privates, staticMethods, methods },
  };
}
