/**
 * Random values with functions, classes and instances of classes, shared and in cycles. No code is
 * compiled: a function is what it closes over and the properties it has.
 *
 * @module
 */
import {
  type AnyFunction,
  type CodeForm,
  type CodeReader,
  type CodeWriter,
  type Defined,
  type Definition,
  type FunctionProperty,
  ImportReference,
  type RegisteredClass,
} from "../../protocol/functions/definition.ts";
import { fc, leaves } from "./arbitrary_values.ts";

class Point {
  get x(): unknown {
    return 1;
  }
  set x(_value: unknown) {
    throw new Error("a setter ran");
  }
}
class SubPoint extends Point {}
class Table extends Map<unknown, unknown> {}
class Bag extends Set<unknown> {}
class List extends Array<unknown> {}
class Failure extends TypeError {}
class Failures extends AggregateError {}
class Moment extends Date {}
class Matrix extends Float64Array {}
class Link extends URL {}
class Box {
  constructor(public content: unknown, public bytes: Uint8Array) {}
}

const CLASSES = [Point, SubPoint, Table, Bag, List, Failure, Failures, Moment, Matrix, Link];
const imported = new ImportReference("node:made-up", "Imported");
class Imported {}

/** What a function is made of. */
interface Inner {
  definition: Definition;
  variables: Record<string, unknown>;
}

const inner = new WeakMap<object, Inner>();

/** What a function is made of, in a form that can be compared. */
export function insideOf(fn: object): unknown {
  const { definition, variables } = inner.get(fn)!;
  return [
    // Equal definitions may be one.
    { ...definition, variables: [...definition.variables] },
    variables,
    propertiesOf(fn).map(({ on, key, value, enumerable }) => [on, key, value, enumerable]),
  ];
}

const EVERY_FUNCTION_HAS: readonly unknown[] = ["length", "name", "prototype", "constructor"];

function propertiesOf(fn: object): FunctionProperty[] {
  return (["function", "prototype"] as const).flatMap((on) => {
    const object = on === "function" ? fn : (fn as AnyFunction).prototype ?? {};
    return Reflect.ownKeys(object).filter((key) => !EVERY_FUNCTION_HAS.includes(key)).map((key) => {
      const { value, enumerable } = Object.getOwnPropertyDescriptor(object, key)!;
      return { on, key, value, enumerable: enumerable! };
    });
  });
}

/** A function or class that is nothing but what is written of it. */
function made(definition: Definition): AnyFunction {
  const fn = definition.kind === "class" ? class {} : () => {};
  inner.set(fn, { definition, variables: {} });
  return fn;
}

/** Knows the classes above, and all functions that were made here. */
class ModelCode implements CodeWriter, CodeReader {
  describe(fn: AnyFunction): CodeForm {
    if (fn === Imported) return { type: "import", reference: imported };
    const spec = inner.get(fn);
    if (spec === undefined) return { type: "class", part: `c${fn.name}` };
    const { definition, variables } = spec;
    const values = Object.values(variables);
    return { type: "inline", definition, values, properties: propertiesOf(fn) };
  }

  describeClass(cls: AnyFunction): CodeForm {
    return this.describe(cls);
  }

  registration(object: object): RegisteredClass | undefined;
  registration(part: string): ((header: unknown, frames: Uint8Array[]) => object) | undefined;
  registration(of: object | string): unknown {
    if (of === "rBox") return (header: unknown, [bytes]: Uint8Array[]) => new Box(header, bytes);
    if (!(of instanceof Box)) return undefined;
    return { part: "rBox", class: Box, serialize: (box: Box) => [box.content, [box.bytes]] };
  }

  define(definition: Definition, early: readonly unknown[]): Defined {
    const value = made(definition);
    const { variables } = inner.get(value)!;
    // In their order, whenever they get their values.
    definition.variables.forEach((name, i) => variables[name] = early[i]);
    return { value, known: false, bind: (name, value) => variables[name] = value };
  }

  import(): unknown {
    return Imported;
  }

  class(part: string): AnyFunction | undefined {
    return CLASSES.find((cls) => `c${cls.name}` === part);
  }

  buffer(): undefined {
    return undefined;
  }
}

/** Writes and reads what {@linkcode codeValues} makes. */
export const modelCode: CodeWriter & CodeReader = new ModelCode();

type Part = { leaf: unknown } | { link: number };

const KINDS = [
  ...["array", "object", "function", "class", "function", "class"] as const,
  ...["point", "table", "bag", "list", "failure", "failures", "moment", "matrix", "link"] as const,
  ...["box", "imported", "local"] as const,
];

const nodes = fc.array(
  fc.tuple(
    fc.constantFrom(...KINDS),
    fc.array(
      fc.oneof(
        { weight: 2, arbitrary: leaves.map((leaf): Part => ({ leaf })) },
        { weight: 3, arbitrary: fc.nat(20).map((link): Part => ({ link })) },
      ),
      { maxLength: 5 },
    ),
    fc.nat(4),
  ),
  { minLength: 1, maxLength: 7 },
);

/** An object of a kind, with nothing inside yet. */
function empty(kind: typeof KINDS[number], number: number, classes: AnyFunction[]): object {
  switch (kind) {
    case "function":
    case "class":
      return made({
        source: `source ${number}`,
        kind: kind === "class" ? "class" : "expression",
        name: `f${number}`,
        variables: [],
        early: 0,
      });
    case "point":
      return number % 2 ? new Point() : new SubPoint();
    case "table":
      return new Table();
    case "bag":
      return new Bag();
    case "list":
      return new List();
    case "failure":
      return new Failure("message");
    case "failures":
      return new Failures([], "message");
    case "moment":
      return new Moment(number);
    case "matrix":
      return new Matrix(number * 300);
    case "link":
      return new Link("http://example.com");
    case "box":
      return new Box(undefined, new Uint8Array(number * 1500));
    case "imported":
      return new Imported();
    case "local":
      return Reflect.construct(classes[number % classes.length] ?? Point, []);
    case "array":
      return [];
    default:
      return {};
  }
}

function fill(object: object, values: unknown[], early: number): void {
  const spec = inner.get(object);
  if (spec !== undefined) {
    const { definition, variables } = spec;
    values.forEach((value, i) => {
      if (i % 3 === 2) {
        const target = definition.kind === "class" ? (object as AnyFunction).prototype : object;
        const key = values.length % 2 ? Symbol.iterator : `p${i}`;
        const enumerable = values.length % 3 === 0;
        Object.defineProperty(target, key, {
          value,
          enumerable,
          configurable: true,
          writable: true,
        });
      } else {
        definition.variables.push(`v${i}`);
        variables[`v${i}`] = value;
      }
    });
    definition.early = Math.min(early, definition.variables.length);
  } else if (object instanceof Box) {
    object.content = values[0];
  } else if (object instanceof Map) {
    values.forEach((value, i) => object.set(i % 2 ? value : i, value));
  } else if (object instanceof Set) {
    values.forEach((value) => object.add(value));
  } else if (Array.isArray(object)) {
    object.push(...values);
  } else if (object instanceof AggregateError) {
    object.errors.push(...values);
    object.cause = values[0];
  }
  if (!Array.isArray(object) && spec === undefined && !(object instanceof Box)) {
    values.forEach((value, i) => {
      const isInstance = Object.getPrototypeOf(object) !== Object.prototype;
      const key = i === 0 ? "x" : i === 4 && isInstance ? Symbol.for("tag") : `p${i}`;
      Object.defineProperty(object, key, {
        value,
        enumerable: i !== 3 || !isInstance,
        configurable: true,
        writable: true,
      });
    });
  }
}

/**
 * Values with code.
 *
 * @param early Whether classes need some of their variables before they are made, which not every value allows.
 */
export function codeValues(early: boolean): fc.Arbitrary<unknown> {
  return nodes.map((nodes) => {
    const classes: AnyFunction[] = [];
    const objects = nodes.map(([kind, , number]) => {
      // Of an error, what is needed too early is left out.
      if (early && kind.startsWith("failure")) kind = "array";
      const object = empty(kind, number, classes);
      if (kind === "class") classes.push(object as AnyFunction);
      return object;
    });
    nodes.forEach(([, parts, number], n) => {
      // The content of a box is given to a function of the user's: it must be there by then.
      const values = parts.map((part) =>
        "leaf" in part
          ? part.leaf
          : objects[n] instanceof Box && !early
          ? part.link
          : objects[part.link % objects.length]
      );
      fill(objects[n], values, early ? number % 2 : 0);
    });
    return objects.length % 2 ? objects[0] : objects;
  });
}
