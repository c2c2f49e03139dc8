/**
 * What a text refers to: the places where it uses a name, and where it imports.
 *
 * @module
 */
import type { Binding } from "./bindings.ts";

/** How a name stands in the text, which matters for what can be put in its place. */
export type ReferenceForm =
  | "plain"
  /** `name(…)`, or a tagged template. */
  | "call"
  /** The same, at the beginning of a statement. */
  | "call-statement"
  /** `{ name }`, in a literal or in a pattern that is assigned to. */
  | "shorthand"
  /** `typeof name`, which asks whether there is one. */
  | "typeof";

/** One place where a name is used. */
export interface Reference {
  readonly name: string;
  readonly start: number;
  /** The name may be written in more letters than it has: `\u0061`. */
  readonly end: number;
  readonly form: ReferenceForm;
  /** It gets a value there. */
  readonly assigned: boolean;
  /** Undefined: the text does not bind it. */
  readonly binding: Binding | undefined;
}

/** An `import(…)` in the text. */
export interface ImportCall {
  /** Where the keyword begins. */
  readonly start: number;
  /** Undefined: known only when it runs. */
  readonly specifier: string | undefined;
}
