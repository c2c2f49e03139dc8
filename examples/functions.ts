/**
 * Functions travel with what they use of the code around them: variables, other functions, classes
 * and imports. The workers here run tasks without any permission, and need none for that.
 *
 *     deno run -A examples/functions.ts
 *
 * @module
 */
import ms from "npm:ms@2.1.3";
import { Client, LocalCluster, registerSerialization } from "../mod.ts";

await using cluster = await LocalCluster.create({
  processes: true,
  nWorkers: 2,
  threadsPerWorker: 1,
  permissions: "none",
});
await using client = await Client.connect(cluster);

// Variables and helpers, as they are when submit or map is called.
const rate = 0.25;
const tax = (net: number) => net * rate;
const gross = (net: number) => net + tax(net);
console.log(await client.gather(client.map(gross, [100, 200])));

// Instances of your classes, as arguments and as results.
class Point {
  constructor(readonly x: number, readonly y: number) {}
  plus(other: Point) {
    return new Point(this.x + other.x, this.y + other.y);
  }
}
const offset = new Point(10, 20);
const moved = await client.submit((point: Point) => point.plus(offset), new Point(1, 2)).result();
console.log(moved, moved instanceof Point);

// Imports: this program bundles the package, the workers never load anything.
console.log(await client.submit((time: string) => ms(time), "2 days").result());

// A module by its name: tasks get the version that was uploaded last.
await client.uploadFile(new URL("modules/greetings.ts", import.meta.url));
const greet = async (name: string) => (await import("greetings")).greet(name);
console.log(await client.submit(greet, "Ada").result());

// An instance with private state cannot be looked into. Its class can say how it travels.
class Account {
  #balance: number;
  constructor(balance: number) {
    this.#balance = balance;
  }
  get balance() {
    return this.#balance;
  }
  deposit(amount: number) {
    this.#balance += amount;
    return this;
  }
}
registerSerialization(
  Account,
  (account) => [{ balance: account.balance }, []],
  ({ balance }) => new Account(balance),
);
const account = client.submit((account: Account) => account.deposit(50), new Account(100));
console.log((await account.result()).balance);

// A task's error comes back as what it was, and the task can be run again here, for a debugger.
class OutOfStock extends Error {
  override readonly name = "OutOfStock";
  constructor(readonly item: string) {
    super(`there are no more ${item}s`);
  }
}
const stock = new Map([["apple", 3]]);
const take = (item: string) => {
  const count = stock.get(item);
  if (count === undefined) throw new OutOfStock(item);
  return count - 1;
};
const failed = client.submit(take, "pear");
const error = await failed.exception();
console.log(error instanceof OutOfStock && error.item);
await client.recreateErrorLocally(failed).catch((error) => console.log(`here: ${error.message}`));
