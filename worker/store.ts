/**
 * The results that a worker holds, as bytes. The worker's main thread never looks inside; a peer gets
 * the very frames that are stored.
 *
 * @module
 */
import type { Serialized } from "../protocol/serialized.ts";

/** Results by key, with their exact size. */
export class ResultStore implements ReadonlyMap<string, Serialized> {
  readonly #values: Map<string, Serialized> = new Map();
  #nbytes = 0;

  /** How many results there are. */
  get size(): number {
    return this.#values.size;
  }

  /** Size of all results together, in bytes. */
  get nbytes(): number {
    return this.#nbytes;
  }

  /** Whether the key's result is here. */
  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** The key's result; undefined when it is not here. */
  get(key: string): Serialized | undefined {
    return this.#values.get(key);
  }

  /**
   * Store a result; it takes the place of an older one.
   *
   * @param key Name of the result.
   * @param value Its bytes.
   */
  set(key: string, value: Serialized): void {
    const before = this.#values.get(key);
    if (before !== undefined) this.#nbytes -= before.nbytes;
    this.#values.set(key, value);
    this.#nbytes += value.nbytes;
  }

  /** Remove a result. Returns whether it was here. */
  delete(key: string): boolean {
    const value = this.#values.get(key);
    if (value === undefined) return false;
    this.#values.delete(key);
    this.#nbytes -= value.nbytes;
    return true;
  }

  /** Remove everything. */
  clear(): void {
    this.#values.clear();
    this.#nbytes = 0;
  }

  /** The keys, oldest first. */
  keys(): MapIterator<string> {
    return this.#values.keys();
  }

  /** The results, oldest first. */
  values(): MapIterator<Serialized> {
    return this.#values.values();
  }

  /** Keys and results, oldest first. */
  entries(): MapIterator<[string, Serialized]> {
    return this.#values.entries();
  }

  /** Keys and results, oldest first. */
  [Symbol.iterator](): MapIterator<[string, Serialized]> {
    return this.#values.entries();
  }

  /** Call a function with each result and its key. */
  forEach(
    callback: (value: Serialized, key: string, map: ReadonlyMap<string, Serialized>) => void,
  ): void {
    for (const [key, value] of this.#values) callback(value, key, this);
  }
}
