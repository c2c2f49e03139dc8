/**
 * Waiting for a condition, instead of for a time that is hoped to be long enough.
 */

/**
 * Wait until `condition` gives something true, and return it.
 *
 * @param what What is waited for, for the error.
 * @param condition Asked again and again.
 * @param timeout Seconds after which the wait has failed; generous, since a test machine may be slow.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  timeout = 30,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + timeout * 1000;
  while (true) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > deadline) throw new Error(`waited ${timeout} s in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
