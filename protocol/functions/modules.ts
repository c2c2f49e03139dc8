/**
 * What capture asks of whoever knows about modules.
 *
 * @module
 */
import type { CodePart } from "../messages.ts";

/** Where an import leads. */
export interface ResolvedModule {
  /** Name of the module's part, `node:…` for a built-in, `dusk:` for Dusk itself. */
  readonly module: string;
  /** The part, where it is one. */
  readonly part?: CodePart;
  /** The part and all that it needs, directly or not, by name; undefined: the part needs no other. */
  readonly parts?: ReadonlyMap<string, CodePart>;
}

/** Knows which module a specifier means, and has it as a part. */
export interface ModuleResolver {
  /**
   * Find a module and make a part of it.
   *
   * @param specifier As it is written.
   * @param referrer URL of the module that imports it.
   * @throws {FunctionError} When it cannot travel, with the reason.
   */
  resolve(specifier: string, referrer: string): ResolvedModule;
  /** Whether `uploadFile` made this name known from here. */
  isUploaded(specifier: string): boolean;
  /**
   * Asked for an instance of a class that has no registered serialization: registers one if the class is
   * of a library that it knows.
   *
   * @returns Whether there is one now.
   */
  recognize?(instance: object): boolean;
}
