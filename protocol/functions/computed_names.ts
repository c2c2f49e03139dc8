/**
 * The names of a class's methods that were computed when the class was made: the live class has them.
 *
 * @module
 */
import type { ClassText, Range } from "./class_text.ts";
import type { AnyFunction } from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import { sourceOf } from "./function_text.ts";

const { getOwnPropertyDescriptor } = Object;

/**
 * What the brackets around each computed name came to.
 *
 * @param cls The class. @param text Its text. @param who What error messages call it.
 * @throws {FunctionError} When a method has been taken away.
 */
export function computedNames(
  cls: AnyFunction,
  { computedMethods }: ClassText,
  who: string,
): [expression: Range, name: string | symbol][] {
  const used = new Set<string | symbol>();
  return computedMethods.map(({ key, isStatic, text }) => {
    const holder = isStatic ? cls : cls.prototype;
    const name = Reflect.ownKeys(holder).find((name) =>
      !used.has(name) && hasMethod(getOwnPropertyDescriptor(holder, name)!, text)
    );
    if (name === undefined) {
      throw new FunctionError(
        `${who} has a method with a computed name that is not there any more; ` +
          `give it a name in the class`,
      );
    }
    // A getter and a setter have one name; methods have one each, even if their texts are equal.
    if (!/^[gs]et\b/.test(text)) used.add(name);
    return [key, name];
  });
}

function hasMethod({ value, get, set }: PropertyDescriptor, text: string): boolean {
  return [value, get, set].some((method) =>
    typeof method === "function" && sourceOf(method) === text
  );
}
