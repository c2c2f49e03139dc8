/**
 * An engine's collector that only writes to the console when it is called; for threads that import this
 * before anything else.
 *
 * @module
 */
Object.assign(globalThis, {
  gc: (options?: { type: "minor" }) => {
    if (options === undefined) console.log("collects");
  },
});
