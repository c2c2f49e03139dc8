/**
 * The types that let a future stand where its value is wanted: arguments of `submit` and `map`, and
 * what `gather` and `scatter` make of a structure.
 *
 * @module
 */
import type { Future } from "./future.ts";

/** Values that hold no futures inside. */
export type Leaf =
  | string
  | number
  | boolean
  | bigint
  | symbol
  | null
  | undefined
  | ((...args: never[]) => unknown)
  | Date
  | RegExp
  | Error
  | ArrayBufferLike
  | ArrayBufferView
  | Promise<unknown>
  | Future<unknown>;

/** True for `any` alone. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** What may be passed for a parameter of type `T`: a `T`, a `Future<T>`, or a structure holding futures. */
// deno-lint-ignore no-explicit-any
export type FutureArg<T> = IsAny<T> extends true ? any : T | Future<T> | NestedFutureArg<T>;

/** A container of type `T` whose items may be futures. */
export type NestedFutureArg<T> = T extends Leaf ? never
  : T extends Map<infer K, infer V> ? Map<K, FutureArg<V>>
  : T extends Set<infer U> ? Set<FutureArg<U>>
  : T extends object ? { [K in keyof T]: FutureArg<T[K]> }
  : never;

/** Arguments of `submit` for a function with parameters `A`. */
export type FutureArgs<A extends unknown[]> = { [K in keyof A]: FutureArg<A[K]> };

/** Arguments of `map` for a function with parameters `A`: an iterable for each. */
export type FutureIterables<A extends unknown[]> = { [K in keyof A]: Iterable<FutureArg<A[K]>> };

/** A structure of futures with each replaced by its value. */
// deno-lint-ignore no-explicit-any
export type Gathered<F> = IsAny<F> extends true ? any
  : F extends Future<infer T> ? T
  : F extends Leaf ? F
  : F extends Map<infer K, infer V> ? Map<K, Gathered<V>>
  : F extends Set<infer U> ? Set<Gathered<U>>
  : F extends IterableIterator<infer U, unknown, never> ? Gathered<U>[]
  : F extends object ? { -readonly [K in keyof F]: Gathered<F[K]> }
  : F;

/** Like {@linkcode Gathered} where the futures that failed are left out. */
// deno-lint-ignore no-explicit-any
export type GatheredWithoutErrors<F> = IsAny<F> extends true ? any
  : F extends Future<infer T> ? T | undefined
  : F extends Leaf ? F
  : F extends Map<infer K, infer V> ? Map<K, GatheredItem<V>>
  : F extends Set<infer U> ? Set<GatheredItem<U>>
  : F extends IterableIterator<infer U, unknown, never> ? GatheredItem<U>[]
  : F extends readonly (infer U)[] ? GatheredItem<U>[]
  : F extends object ? { -readonly [K in keyof F]?: GatheredItem<F[K]> }
  : F;

/** An item that was not left out. */
export type GatheredItem<U> = U extends Future<infer T> ? T : GatheredWithoutErrors<U>;

/** What `scatter` gives for data of type `D`. */
// deno-lint-ignore no-explicit-any
export type Scattered<D> = IsAny<D> extends true ? any
  : D extends Leaf | Map<unknown, unknown> | Set<unknown> ? Future<D>
  : D extends readonly (infer U)[] ? Future<U>[]
  : D extends IterableIterator<infer U, unknown, never> ? Future<U>[]
  : D extends object ? { [K in keyof D]: Future<D[K]> }
  : Future<D>;

/** Futures, alone or nested in arrays, objects, maps and sets. */
export type NestedFutures =
  | Future<unknown>
  | Iterable<NestedFutures>
  | Map<unknown, NestedFutures>
  | { readonly [name: string]: NestedFutures };

/** What a question to the cluster is about: futures as one has them, or keys. */
export type FuturesOrKeys = NestedFutures | string | Iterable<NestedFutures | string>;
