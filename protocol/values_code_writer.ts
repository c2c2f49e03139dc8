/**
 * Writes functions, classes, instances of classes, and objects with a serialization of their own. What
 * they are made of it is told by a {@linkcode CodeWriter}.
 *
 * @module
 */
import {
  type AnyFunction,
  type CodeForm,
  type CodeWriter,
  type Definition,
  type FunctionProperty,
  ImportReference,
  type InlineForm,
  type RegisteredClass,
} from "./functions/definition.ts";
import {
  allOf,
  type Extras,
  extrasOf,
  NO_EXTRAS,
  writeExtras,
  writeProperties,
} from "./values_extra_writer.ts";
import { ENUMERABLE, INHERITED, ON_PROTOTYPE, Tag } from "./values_format.ts";
import { className, classOf, describe, functionName } from "./values_kinds.ts";
import { MEMBER, VARIABLE } from "./values_path.ts";
import { liveRefusal, Refusal, refusal } from "./values_refusals.ts";
import { isStandardPrototype, type SpecialKind, specialKind } from "./values_standard.ts";
import { writeBytes } from "./values_view_writer.ts";
import type { ValueWriter, WriterMark } from "./values_writer.ts";

/** What is known of the objects with one prototype. */
interface Kind {
  readonly last: false;
  /** What is inside of the object; undefined: it travels as what it is without its class. */
  readonly inside: SpecialKind | undefined;
  readonly class: AnyFunction | undefined;
  /** What has the number of the class, once it has one. */
  numbered: object | undefined;
}

/** How the class of an object is written. */
type ClassForm = CodeForm | typeof APPEARED;

/** The class has appeared: a reference to it is all there is to write. */
const APPEARED = Symbol("appeared");

const NOT_SPECIAL: Kind = {
  last: false,
  inside: undefined,
  class: undefined,
  numbered: undefined,
};

/** An instance whose class comes after it, so that the class can hold the instance itself. */
interface ClassLast {
  readonly last: true;
  readonly inside: SpecialKind;
  readonly kind: Kind;
  readonly form: ClassForm;
  readonly mark: WriterMark;
}

/** An instance that is being written. */
export type Begun = { readonly inside: SpecialKind; readonly extras?: Extras } & (Kind | ClassLast);

/** Writes the code of one value. */
export class CodeEncoder {
  /** The first of equal definitions and of equal imports stands for all. */
  private readonly definitions = new Map<string, Definition>();
  private readonly imports = new Map<string, ImportReference>();
  private readonly kinds = new Map<object, Kind>();

  /**
   * @param writer Writes the value.
   * @param code Says how code travels.
   */
  constructor(private readonly writer: ValueWriter, private readonly code: CodeWriter) {}

  /** Write a function or class that is a value. */
  function(fn: AnyFunction): void {
    if (!this.writer.again(fn)) this.form(fn, this.code.describe(fn));
  }

  /** Whether instances with this prototype have been met. */
  knows(prototype: object): boolean {
    return this.kinds.has(prototype);
  }

  /**
   * Begin an instance of a class, which has not appeared. The caller goes on with what is inside, and
   * then calls {@linkcode end}: so there is little on the stack where objects are nested.
   *
   * @param object It is not plain.
   * @param prototype Its prototype, which is not that of a built-in.
   * @returns Undefined, and nothing is written, if it travels as what it is without its class.
   */
  begin(object: object, prototype: object): Begun | undefined {
    const { writer } = this;
    const kind = this.kindOf(object, prototype);
    const { inside, numbered } = kind;
    if (inside === undefined) return undefined;
    const extras = extrasOf(object, inside);
    const number = numbered === undefined ? -1 : writer.objects.find(numbered);
    if (number >= 0) {
      this.open(extras);
      writer.backTo(number);
      return begun(kind, extras);
    }
    const form = this.classForm(kind, object, isLenient(inside));
    if (form === undefined) return this.withoutClass(object);
    const mark = writer.mark();
    this.open(extras);
    if (form !== APPEARED && form.type === "inline") {
      writer.sink.byte(Tag.UNDEFINED);
      return { last: true, inside, extras, kind, form, mark };
    }
    this.classNode(kind, form);
    return begun(kind, extras);
  }

  private open(extras: Extras): void {
    const { sink } = this.writer;
    if (extras.length > 0) sink.byte(Tag.EXTRA);
    sink.byte(Tag.INSTANCE);
  }

  /**
   * End an instance.
   *
   * @param object The instance.
   * @param begun What {@linkcode begin} gave.
   * @returns False if it is an error whose class cannot travel, and nothing of it is written.
   */
  end(object: object, begun: Begun): boolean {
    const { inside, extras = NO_EXTRAS } = begun;
    if (!writesProperties(inside)) writeProperties(this.writer, object);
    if (begun.last && !this.classAfter(object, begun)) return false;
    if (extras.length > 0) {
      writeExtras(this.writer, object, extras, isLenient(inside) ? "leave out" : "refuse");
    }
    return true;
  }

  private classAfter(object: object, { inside, kind, form, mark }: ClassLast): boolean {
    try {
      this.classNode(kind, form);
      return true;
    } catch (error) {
      if (!isLenient(inside)) throw error;
      this.writer.rollback(mark);
      this.withoutClass(object);
      return false;
    }
  }

  private kindOf(object: object, prototype: object): Kind {
    let kind = this.kinds.get(prototype);
    // An array may have been given a prototype that other objects have.
    if (kind === undefined || (kind.inside === "Array") !== Array.isArray(object)) {
      kind = this.findKind(object, prototype);
      this.kinds.set(prototype, kind);
    }
    return kind;
  }

  private findKind(object: object, prototype: object): Kind {
    const inside = specialKind(object);
    if (typeof inside === "object" && isStandardPrototype(inside, prototype)) return NOT_SPECIAL;
    const cls = classOf(prototype, object);
    if (inside !== undefined) {
      return cls === undefined ? NOT_SPECIAL : newKind(inside, cls);
    }
    const reason = liveRefusal(object);
    if (reason !== undefined) throw new Refusal(reason);
    if (cls === undefined) {
      const name = className(object);
      throw new Refusal(
        name === "Object"
          ? "its prototype is not that of a class, which could travel with it; send a plain object, or make it with new"
          : refusal(object),
      );
    }
    return newKind("Object", cls);
  }

  private withoutClass(instance: object): undefined {
    this.kinds.set(Object.getPrototypeOf(instance), NOT_SPECIAL);
  }

  /** How the class of an instance is written, if it has not appeared; undefined: it cannot travel. */
  private classForm(kind: Kind, instance: object, lenient: boolean): ClassForm | undefined {
    const cls = kind.class!;
    const form = this.code.describeClass(cls, instance, lenient);
    if (form === undefined) return undefined;
    kind.numbered = form.type === "import" ? this.sameImport(form.reference) : cls;
    return this.writer.objects.find(kind.numbered) >= 0 ? APPEARED : form;
  }

  /** Write a class that an object is of. */
  private classNode(kind: Kind, form: ClassForm): void {
    const { writer } = this;
    const cls = kind.class!;
    const level = writer.enter(VARIABLE);
    writer.path.at(level, functionName(cls));
    // The object may hold its class: then that has appeared in the meantime.
    if (!writer.again(kind.numbered!) && form !== APPEARED) this.form(cls, form);
    writer.path.leave(level);
  }

  private form(fn: AnyFunction, form: CodeForm): void {
    const { writer } = this;
    switch (form.type) {
      case "import":
        return this.import(form.reference);
      case "class":
        writer.objects.add(fn);
        writer.sink.byte(Tag.CLASS);
        writer.key(form.part);
        return writer.key(functionName(fn));
      case "inline":
        return this.inline(fn, form);
    }
  }

  private import(reference: ImportReference): void {
    const { writer } = this;
    const same = this.sameImport(reference);
    if (writer.again(same)) return;
    this.code.homes?.code(writer.objects.size, writer.objects.size + 1);
    writer.objects.add(same);
    writer.sink.byte(Tag.IMPORT);
    writer.key(same.module);
    writer.key(same.name);
  }

  private sameImport(reference: ImportReference): ImportReference {
    const key = `${reference.module}\n${reference.name}`;
    const same = this.imports.get(key);
    if (same === undefined) this.imports.set(key, reference);
    return same ?? reference;
  }

  private inline(fn: AnyFunction, form: InlineForm): void {
    const { writer } = this;
    const { sink, path } = writer;
    const { inCode } = writer;
    const number = writer.objects.size;
    const { definition, values, properties } = form;
    const { variables, early } = definition;
    const { homes } = this.code;
    const isHome = definition.kind === "part";
    if (isHome) homes?.enter(number);
    writer.objects.add(fn);
    sink.byte(Tag.FUNCTION);
    writer.value(this.sameDefinition(definition));
    homes?.code(number + 1, writer.objects.size);
    writer.inCode = true;
    const level = writer.enter(VARIABLE);
    writer.packages.push(form.package);
    if (early > 0) writer.unready.push(number);
    for (let i = 0; i < variables.length; i++) {
      if (i === early && early > 0) writer.unready.pop();
      path.at(level, variables[i]);
      this.variable(values[i], i < early);
    }
    if (early > 0 && early === variables.length) writer.unready.pop();
    path.leave(level);
    sink.varint(properties.length);
    for (let i = 0; i < properties.length; i++) this.functionProperty(properties[i]);
    writer.packages.pop();
    writer.inCode = inCode;
    if (isHome) homes?.leave(writer.objects.size);
  }

  /** The value of a variable. Unless it is early, the reader can give it later, when it is ready. */
  private variable(value: unknown, early: boolean): void {
    if (value instanceof ImportReference) return this.import(value);
    const { writer } = this;
    if (!early && writer.unready.length > 0) {
      const number = writer.objects.find(value as object);
      if (number >= 0 && writer.unready.includes(number)) return writer.backAnyway(number);
    }
    writer.value(value);
  }

  private functionProperty({ on, key, value, enumerable, inherited }: FunctionProperty): void {
    const { writer } = this;
    const { sink, path } = writer;
    const level = writer.enter(MEMBER);
    sink.byte(
      (on === "prototype" ? ON_PROTOTYPE : 0) | (enumerable ? ENUMERABLE : 0) |
        (inherited ? INHERITED : 0),
    );
    let last = level;
    if (on === "prototype") {
      path.at(level, "prototype");
      last = writer.enter(MEMBER);
    }
    path.at(last, String(key));
    if (!inherited) writer.value(key);
    writer.value(value);
    path.leave(level);
  }

  /**
   * The definition as it is written: in one order, and the same object for the same content, so that the
   * bytes depend on nothing but what it says.
   */
  private sameDefinition(definition: Definition): Definition {
    const { source, kind, name, variables, early, imports, id, privates } = definition;
    const key = JSON.stringify([source, kind, name, variables, early, imports, id, privates]);
    let same = this.definitions.get(key);
    if (same === undefined) {
      same = { source, kind, name, variables: [...variables], early };
      if (imports !== undefined) same.imports = { ...imports };
      if (id !== undefined) same.id = id;
      if (privates !== undefined) same.privates = [...privates];
      this.definitions.set(key, same);
    }
    return same;
  }

  /** Write an object that has not appeared, by its registered serialization. */
  custom(object: object, registered: RegisteredClass): void {
    const { writer } = this;
    const { sink, path } = writer;
    const name = functionName(registered.class);
    const [header, frames] = content(object, registered, name);
    const prototype = Object.getPrototypeOf(object);
    const ofSubclass = prototype !== registered.class.prototype;
    // What the registered functions know of is not to be told from what the subclass adds.
    const extras = ofSubclass ? allOf(object, specialKind(object) ?? "Object") : NO_EXTRAS;
    if (extras.length > 0) sink.byte(Tag.EXTRA);
    const number = writer.objects.size;
    writer.objects.add(object);
    sink.byte(Tag.CUSTOM);
    writer.key(registered.part);
    writer.key(name);
    writer.unready.push(number);
    const level = writer.enter(MEMBER);
    path.at(level, "header");
    writer.value(header);
    path.at(level, "frames");
    sink.varint(frames.length);
    for (let i = 0; i < frames.length; i++) writeBytes(writer, frames[i]);
    path.leave(level);
    writer.unready.pop();
    if (ofSubclass) this.customClass(object, prototype, false);
    // What it closes over comes with it, if somebody asks for that.
    else if (this.code.homes !== undefined) this.customClass(object, prototype, true);
    else sink.byte(Tag.UNDEFINED);
    if (extras.length > 0) writeExtras(writer, object, extras, "say why");
  }

  private customClass(object: object, prototype: object, lenient: boolean): void {
    const cls = classOf(prototype, object);
    if (cls === undefined) throw new Refusal(refusal(object));
    const kind = this.kinds.get(prototype) ?? newKind(undefined, cls);
    this.kinds.set(prototype, kind);
    const appeared = kind.numbered !== undefined && this.writer.objects.find(kind.numbered) >= 0;
    const form = appeared ? APPEARED : this.classForm(kind, object, lenient);
    if (form !== undefined) this.classNode(kind, form);
    else this.writer.sink.byte(Tag.UNDEFINED);
  }
}

function newKind(inside: SpecialKind | undefined, cls: AnyFunction): Kind {
  return { last: false, inside, class: cls, numbered: undefined };
}

function begun(kind: Kind, extras: Extras): Begun {
  return (extras.length === 0 ? kind : { ...kind, extras }) as Begun;
}

/** Errors have to travel even if their class cannot. */
function isLenient(inside: SpecialKind): boolean {
  return inside === "Error" || inside === "DOMException";
}

/** Whether an object writes the properties that it was given as well. */
function writesProperties(inside: SpecialKind): boolean {
  return inside === "Object" || inside === "Array" || inside === "Error" ||
    inside === "DOMException";
}

/** What the user's function makes of an object. */
function content(
  object: object,
  registered: RegisteredClass,
  name: string,
): ReturnType<RegisteredClass["serialize"]> {
  let content: unknown;
  try {
    content = registered.serialize(object);
  } catch (error) {
    throw new Refusal(
      `the serialize that was registered for ${name} failed: ${describe(error)}`,
      { cause: error },
    );
  }
  if (
    !Array.isArray(content) || content.length !== 2 || !Array.isArray(content[1]) ||
    !content[1].every((frame) => ArrayBuffer.isView(frame) || frame instanceof ArrayBuffer)
  ) {
    throw new Refusal(
      `the serialize that was registered for ${name} must return [header, frames], frames an array of ArrayBuffers and views`,
    );
  }
  return content as unknown as ReturnType<RegisteredClass["serialize"]>;
}
