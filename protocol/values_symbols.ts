/**
 * Symbols that are the same in every program: those of the language, and those of `Symbol.for`.
 *
 * @module
 */
import { DeserializationError } from "./values_format.ts";

const NAMES = [
  "asyncDispose",
  "asyncIterator",
  "dispose",
  "hasInstance",
  "isConcatSpreadable",
  "iterator",
  "match",
  "matchAll",
  "metadata",
  "replace",
  "search",
  "species",
  "split",
  "toPrimitive",
  "toStringTag",
  "unscopables",
];
/** Before the key of a symbol of `Symbol.for`. */
const REGISTERED = "for:";

const wellKnown = new Map<string, symbol>();
const names = new Map<symbol, string>();
for (const name of NAMES) {
  const symbol = (Symbol as unknown as Record<string, symbol | undefined>)[name];
  if (typeof symbol !== "symbol") continue;
  wellKnown.set(name, symbol);
  names.set(symbol, name);
}

/**
 * What a symbol is called everywhere.
 *
 * @param symbol The symbol.
 * @returns "iterator", "for:key"; undefined for a symbol that is only itself.
 */
export function symbolName(symbol: symbol): string | undefined {
  const key = Symbol.keyFor(symbol);
  return key === undefined ? names.get(symbol) : REGISTERED + key;
}

/**
 * The symbol with a name of {@linkcode symbolName}.
 *
 * @param name Its name.
 * @throws {DeserializationError} If there is none.
 */
export function symbolOf(name: string): symbol {
  if (name.startsWith(REGISTERED)) return Symbol.for(name.slice(REGISTERED.length));
  const symbol = wellKnown.get(name);
  if (symbol === undefined) {
    throw new DeserializationError(`this runtime has no Symbol.${name}`);
  }
  return symbol;
}
