/** A module is there once in a thread, however functions come to use it. */
import assert from "node:assert/strict";
import type { Client, Future } from "../../mod.ts";
import { withSandbox } from "../support/sandbox.ts";
import * as barrel from "./fixtures/shared/barrel.ts";
import { Circle, isShape, later, madeSoFar, makeOne } from "./fixtures/shared/circle.ts";
import * as first from "./fixtures/shared/first.ts";
import { prepared } from "./fixtures/shared/ordered.ts";
import * as second from "./fixtures/shared/second.ts";
import { fail, made, make, Shape } from "./fixtures/shared/shape.ts";
import { Unused } from "./fixtures/shared/unused.ts";
import ms from "npm:ms@2.1.3";
import { nanoid } from "npm:nanoid@5.1.6";
import { withFolder } from "./modules/folder.ts";

/** Run `body` with a client of a worker process with one thread, whose tasks have no permission. */
async function withThread(body: (client: Client) => Promise<void>): Promise<void> {
  await withSandbox(body, 1);
}

Deno.test("modules that functions share are there once in a thread", async (t) => {
  await withThread(async (client) => {
    const check = (name: string, fn: () => unknown, expected: unknown) =>
      t.step(name, async () => {
        const future = client.submit(fn) as Future<unknown>;
        assert.deepEqual(await future.result(), expected);
      });
    await check("a class, by two ways", () => [
      isShape(new Shape()),
      new Circle() instanceof Shape,
      makeOne() instanceof Shape,
      isShape(make()),
    ], [true, true, true, true]);
    await check("a state, by two ways", () => {
      const before = [made, madeSoFar()];
      make();
      makeOne();
      return [before[0] === before[1], made - before[0], madeSoFar() - before[1]];
    }, [true, 2, 2]);
    await check("a module that passes on another", () => [
      barrel.Shape === Shape,
      barrel.shapes.Shape === Shape,
      barrel.Circle === Circle,
      barrel.made === made,
    ], [true, true, true, true]);
    await check("a package, by two modules and by itself", () => [
      first.ms === second.ms,
      first.ms === ms,
      first.nanoid === second.nanoid,
      first.nanoid === nanoid,
    ], [true, true, true, true]);
    await check("a module that is ready later", () => first.ready === second.again, true);
    await check("a dynamic import of a circle of modules", async () => {
      const { Square } = await import("./fixtures/shared/square.ts");
      const shape = await later();
      return [shape instanceof Shape, shape instanceof Square, isShape(new Square())];
    }, [true, true, true]);
    await check("an effect comes before what counts on it", () => prepared, "yes");
    await check("what no task imports does not run", () => "unused" in globalThis, false);
    assert.equal(typeof Unused, "function");
  });
});

Deno.test("instances of a class are of it, by whichever way the function and they come", async () => {
  await withThread(async (client) => {
    const circle = new Circle();
    assert.equal(await client.submit((value: unknown) => isShape(value), circle).result(), true);
    assert.equal(await client.submit((v: unknown) => v instanceof Shape, circle).result(), true);
    assert.equal(await client.submit(() => isShape(circle)).result(), true);
    const back = await client.submit(() => [new Circle(), make()]).result();
    assert.ok(back[0] instanceof Circle && back[1] instanceof Shape);
  });
});

Deno.test("an error in a shared module is shown where it was thrown", async () => {
  await withThread(async (client) => {
    const failed = client.submit(() => [isShape(1), fail()]);
    const { stack = "" } = await failed.exception() as Error;
    const text = await Deno.readTextFile(new URL("fixtures/shared/shape.ts", import.meta.url));
    const line = text.split("\n").findIndex((line) => line.includes("line of the error")) + 1;
    assert.match(stack, new RegExp(`at fail \\(file:.*/fixtures/shared/shape\\.ts:${line}:9\\)`));
    assert.match(stack, /shared_modules_test\.ts:\d+:\d+/);
  });
});

Deno.test("files of an uploaded folder share what they import", async () => {
  await withFolder({
    "lib/a.ts": `import { Item } from "./item.ts"; export const make = () => new Item();`,
    "lib/b.ts": `export { Item } from "./item.ts";`,
    "lib/item.ts": `export class Item {}`,
  }, async (path) => {
    await withThread(async (client) => {
      await client.uploadFile(`${path}/lib`);
      const isShared = async ([a, b]: string[]) => {
        const { make } = await import(a);
        return make() instanceof (await import(b)).Item;
      };
      assert.equal(await client.submit(isShared, ["lib/a", "lib/b"]).result(), true);
      assert.equal(await client.submit(isShared, ["lib/a", "lib/item"]).result(), true);
    });
  });
});
