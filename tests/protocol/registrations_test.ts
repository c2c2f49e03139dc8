/** Registered serializations: inheritance, replacement, checks. */
import assert from "node:assert/strict";
import {
  allRegistrations,
  findRegistration,
  registerSerialization,
  RegistrationError,
  registrationsRevision,
} from "../../protocol/registrations.ts";

const nothing = () => [null, []] as const;

Deno.test("nothing is found before anything is registered", () => {
  assert.equal(findRegistration(new Map()), undefined);
  assert.deepEqual(allRegistrations(), []);
});

Deno.test("a registration is inherited, unless a subclass has its own", () => {
  class Animal {}
  class Dog extends Animal {}
  class Puppy extends Dog {}
  class Cat extends Animal {}
  const before = registrationsRevision();
  registerSerialization(Animal, nothing, () => new Animal());
  assert.equal(findRegistration(new Puppy())?.class, Animal);
  registerSerialization(Dog, nothing, () => new Dog());
  assert.equal(registrationsRevision(), before + 2);
  assert.equal(findRegistration(new Animal())?.class, Animal);
  assert.equal(findRegistration(new Cat())?.class, Animal);
  assert.equal(findRegistration(new Dog())?.class, Dog);
  assert.equal(findRegistration(new Puppy())?.class, Dog);
  assert.equal(findRegistration({}), undefined);
  assert.equal(findRegistration(Object.create(null)), undefined);
  assert.equal(findRegistration(Animal), undefined);
});

Deno.test("registering again replaces, and keeps the order", () => {
  class First {}
  class Second {}
  registerSerialization(First, nothing, () => new First());
  registerSerialization(Second, nothing, () => new Second());
  assert.ok(findRegistration(new First()));
  const again = () => [1, []] as const;
  registerSerialization(First, again, () => new First());
  assert.equal(findRegistration(new First())?.serialize, again);
  const classes = allRegistrations().map((registration) => registration.class);
  assert.equal(new Set(classes).size, classes.length);
  assert.ok(classes.indexOf(First) < classes.indexOf(Second));
});

Deno.test("header and frames have types that fit, also with a private constructor", () => {
  class Human {
    private constructor(readonly name: string) {}
    static named(name: string): Human {
      return new Human(name);
    }
  }
  registerSerialization(
    Human,
    (human) => [{ length: human.name.length }, [new TextEncoder().encode(human.name)]],
    (header, [name]) => {
      const length: number = header.length;
      return Human.named(new TextDecoder().decode(name.subarray(0, length)));
    },
  );
  const { serialize, deserialize } = findRegistration(Human.named("Alice"))!;
  const [header, frames] = serialize(Human.named("Alice"));
  assert.deepEqual(deserialize(header, frames as Uint8Array[]), Human.named("Alice"));
});

Deno.test("arguments are checked at once, by name and value", () => {
  class Human {}
  const register = registerSerialization as (...args: unknown[]) => void;
  const before = registrationsRevision();
  const wrong: [unknown[], string][] = [
    [["Human", nothing, nothing], 'cls must be a class, not "Human"; pass the class itself'],
    [[undefined, nothing, nothing], "cls must be a class, not undefined; pass the class itself"],
    [[{}, nothing, nothing], "cls must be a class, not an object; pass the class itself"],
    [
      [nothing, nothing, nothing],
      "cls must be a class, not the function nothing, which makes no objects",
    ],
    [
      [Array, nothing, nothing],
      "cls cannot be Array, whose objects always travel as they are; make a class of your own",
    ],
    [
      [Human, {}, nothing],
      "serialize must be a function, (object) => [header, frames], not an object",
    ],
    [
      [Human, nothing],
      "deserialize must be a function, (header, frames) => object, not undefined",
    ],
  ];
  for (const [args, message] of wrong) {
    assert.throws(
      () => register(...args),
      (error) =>
        error instanceof RegistrationError && error instanceof TypeError &&
        error.message === `registerSerialization: ${message}`,
      message,
    );
  }
  assert.equal(registrationsRevision(), before);
});
