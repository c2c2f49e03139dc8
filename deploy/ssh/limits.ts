/**
 * Limits on time, and on how much goes on at once.
 *
 * @module
 */

/**
 * Waits for a promise for a limited time.
 *
 * @param promise The promise.
 * @param seconds How long to wait.
 * @returns Whether it has resolved in time.
 * @throws What the promise rejects with in time.
 */
export async function settleWithin(promise: Promise<unknown>, seconds: number): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), seconds * 1000);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Does the same for each of a list, a few at a time.
 *
 * @param limit How many at a time.
 * @param items The list.
 * @param work What to do for each.
 * @throws The first failure, once all that had begun has ended; no more is begun after it.
 */
export async function concurrently<T>(
  limit: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const failures: unknown[] = [];
  const lane = async () => {
    for (const item of queue) {
      if (failures.length > 0) return;
      try {
        await work(item);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}
