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

/** A private static field. Its value can be seen in the live class. */
export interface PrivateStatic extends Range {
  /** With the `#`. */
  readonly name: string;
}

/** A method whose name is computed when the class is made. The live class has it under that name. */
export interface ComputedMethod {
  /** The expression in brackets. */
  readonly key: Range;
  readonly isStatic: boolean;
  /** What `toString` of the method gives. */
  readonly text: string;
}

/** A class as its text describes it. Positions count from the beginning of the text. */
export interface ClassText {
  /** The expression after `extends`, which only the class itself has seen. */
  readonly heritage: Range | undefined;
  /** The names of these have been seen only by the class itself, too. */
  readonly computedMethods: readonly ComputedMethod[];
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

/** Whether a computed name is `Symbol.iterator` or the like. */
function isStandardKey(key: AnyNode): boolean {
  return key.type === "MemberExpression" && !key.computed && key.object.type === "Identifier" &&
    key.object.name === "Symbol";
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
  const computedMethods: ComputedMethod[] = [];
  const { superClass } = node;
  const extendsNull = superClass?.type === "Literal" && superClass.value === null;
  const heritage = superClass && !extendsNull ? range(superClass) : undefined;
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
        privateStatics.push({ name: `#${key.name}`, ...range(member) });
      }
      continue;
    }
    if (member.type === "PropertyDefinition" && member.static) {
      statics.push(range(member));
      continue;
    }
    if (member.type === "MethodDefinition") {
      const { start, end } = range(member);
      // `toString` of a static method begins after the word and what follows it.
      const source = text.slice(start, end).replace(
        member.static ? /^static(?:\s|\/\*[^]*?\*\/|\/\/.*)*/ : "",
        "",
      );
      (member.static ? staticMethods : methods).add(source);
      if (member.computed && !isStandardKey(key)) {
        computedMethods.push({ key: range(key), isStatic: member.static, text: source });
        continue;
      }
    }
    if (member.computed) early.push(range(key));
  }
  return {
    ...{ heritage, computedMethods, early, statics, privateStatics },
    replaced: [
      ...statics,
      ...privateStatics,
      ...computedMethods.map(({ key }) => key),
      ...heritage ? [heritage] : [],
    ],
    ...{ privates, staticMethods, methods },
  };
}
