/** Functions that use what their module imports. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, randomUUID } from "node:crypto";
import * as path from "node:path";
import { join as joined } from "node:path";
import lodash from "npm:lodash@4.17.21";
import { chunk, sumBy as sumOf } from "npm:lodash-es@4.17.21";
import ms from "npm:ms@2.1.3";
import { customAlphabet, urlAlphabet } from "npm:nanoid@5.1.6";
import colors from "./fixtures/colors.json" with { type: "json" };
import { count, increase } from "./fixtures/counting.ts";
import * as counting from "./fixtures/counting.ts";
import { makeTask } from "./fixtures/digests.ts";
import { isEven } from "./fixtures/even.ts";
import perimeter, { Circle, circles, unit as lengthUnit } from "./fixtures/geometry.ts";
import * as geometry from "./fixtures/geometry.ts";
import {
  around,
  colors as moreColors,
  geometry as inside,
  Round,
  show,
} from "./fixtures/reexports.ts";
import { ready } from "./fixtures/slow_start.ts";
import { withSandbox } from "../support/sandbox.ts";
import { gallery } from "./gallery.ts";

const wheel = new Circle(2);
class Ring extends Circle {
  constructor(radius: number, readonly hole: number) {
    super(radius);
  }
  override get area() {
    return super.area - new Circle(this.hole).area;
  }
}
const hash = (text: string) => createHash("sha256").update(text).digest("hex");
const ofPath = { base: path.basename, end: path.extname };
const task = makeTask("salt ");

gallery("imports", {
  "a name of a local TypeScript module that has imports": [(r: number) => circles([r])[0].area, 2],
  "a default export": [(r: number) => perimeter(new Circle(r)), 2],
  "a namespace": [(r: number) => [geometry.default(new geometry.Circle(r)), geometry.unit], 2],
  "a renamed import": () => lengthUnit.repeat(2),
  "exports that another module passes on": () => [
    show(2),
    around(new Round(1)),
    new inside.Circle(1).toString(),
    moreColors.red,
  ],
  "JSON": () => [colors.shades[1], colors],
  "modules that import each other": [(n: number) => isEven(n), 8],
  "a module that is ready later": () => ready,
  "a module with a state, by name and as a namespace": () => {
    // What it was at first differs: here it goes on from one cluster to the next.
    const before = count;
    return [
      increase() - before,
      count - before,
      counting.increase() - before,
      counting.count - before,
      count - before,
    ];
  },
  "an instance of an imported class, captured": () => [wheel.area, `${wheel}`],
  "an instance of an imported class, there and back": [
    (circle: Circle) => [circle instanceof Circle, circle, new Circle(1)],
    wheel,
  ],
  "a class that extends an imported one": () => [new Ring(2, 1).area, new Ring(2, 1)],
  "a function that another module made": [task, "text"],
  "an imported function, submitted as it is": [perimeter, wheel],
  "node:crypto": [hash, "text"],
  "node:crypto, under another name": () => [randomUUID().length, hash("")],
  "node:path, as a namespace and by name":
    () => [path.posix.join("a", "..", "b"), joined("a", "b")],
  "functions of a namespace, captured in an object":
    () => [ofPath.base("/a/b.ts"), ofPath.end("/a/b.ts")],
  "node:buffer": () => Buffer.from("text").toString("base64"),
  "an npm package with ES modules": () => [
    chunk([1, 2, 3], 2),
    sumOf([{ n: 1 }, { n: 2 }], (x: { n: number }) => x.n),
  ],
  "another one, whose exports depend on where it runs": () => [
    urlAlphabet.length,
    customAlphabet("a", 5)(),
  ],
  "an npm package with CommonJS": () => [ms("2 days"), ms(5000)],
  "a large npm package with CommonJS": () => lodash.groupBy([1.2, 1.8, 2.1], Math.floor),
  "a dynamic import of an npm package": async () => {
    const { default: ms } = await import("npm:ms@2.1.3");
    return ms("1h");
  },
  "a dynamic import of a local module": async () => {
    const { Circle: Lazy } = await import("./fixtures/geometry.ts");
    return new Lazy(1).toString();
  },
  "a dynamic import of node:path": async () => (await import("node:path")).basename("/a/b"),
  "a dynamic import in a helper": async () => {
    const load = async () => (await import("./fixtures/even.ts")).isEven(2);
    return await load();
  },
});

Deno.test("the tasks of the gallery really have no permission", async () => {
  await withSandbox(async (client) => {
    const denied: Record<string, () => unknown> = {
      read: () => Deno.readTextFileSync("/etc/hostname"),
      net: () => Deno.connect({ port: 1 }),
      env: () => Deno.env.get("HOME"),
      run: () => new Deno.Command("true").outputSync(),
      sys: () => Deno.hostname(),
    };
    for (const [name, attempt] of Object.entries(denied)) {
      await assert.rejects(
        client.submit(attempt).result(),
        (error: Error) => error.name === "NotCapable",
        name,
      );
    }
  });
});
