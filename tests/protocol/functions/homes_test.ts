/** Which objects are shared between classes and the function of one value. */
import assert from "node:assert/strict";
import { Homes } from "../../../protocol/functions/homes.ts";

Deno.test("what follows a class is at home outside of it, also after something is taken back", () => {
  const homes = new Homes();
  homes.enter(1);
  homes.leave(3);
  homes.rollback(3);
  // The object that has number 3 then, and is met again.
  homes.back(3);
  assert.equal(homes.isShared, false);
  homes.back(2);
  assert.equal(homes.isShared, true);
});

Deno.test("a class that is taken back is no home", () => {
  const homes = new Homes();
  homes.enter(1);
  homes.rollback(1);
  homes.back(1);
  assert.equal(homes.isShared, false);
});
