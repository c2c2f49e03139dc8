/** Objects of the platform that travel. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  DeserializationError,
  deserialize,
  SerializationError,
  serialize,
} from "../../protocol/values.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { FakeCode } from "./fake_code.ts";

function roundTrip<T>(value: T): T {
  return deserialize(serialize(value)) as T;
}

Deno.test("URLs, their parameters, and headers travel", () => {
  const url = new URL("https://user:pw@example.com:8443/päth?q=1&q=2#x");
  const parameters = new URLSearchParams([["a", "1"], ["a", "ö &="], ["", "\ud800"]]);
  const headers = new Headers([["X-One", "1"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  const value = { url, parameters, headers, again: [url, headers] };
  const copy = roundTrip(value);
  assert.ok(copy.url instanceof URL);
  assert.equal(copy.url.href, url.href);
  assert.ok(copy.parameters instanceof URLSearchParams);
  assert.deepEqual([...copy.parameters], [...parameters]);
  assert.ok(copy.headers instanceof Headers);
  assert.deepEqual([...copy.headers], [...headers]);
  assert.equal(copy.again[0], copy.url);
  assert.equal(copy.again[1], copy.headers);
  copy.headers.append("x-two", "2");
});

Deno.test("the same object of the platform has the same bytes", () => {
  assert.deepEqual(
    serialize(new Headers([["b", "1"], ["A", "2"]])).frames,
    serialize(new Headers([["a", "2"], ["B", "1"]])).frames,
  );
});

Deno.test("an image travels with its pixels, which are shared as they were", () => {
  const image = new ImageData(40, 30);
  image.data.fill(77);
  const [copy, data] = roundTrip([image, image.data]) as [ImageData, Uint8ClampedArray];
  assert.ok(copy instanceof ImageData);
  assert.deepEqual([copy.width, copy.height, copy.colorSpace], [40, 30, "srgb"]);
  assert.deepEqual(copy.data, image.data);
  assert.equal(copy.data, data);
  const wide = new ImageData(1, 1, { colorSpace: "display-p3" });
  assert.equal(roundTrip(wide).colorSpace, "display-p3");
});

Deno.test("encoders and formats are set up as they were", () => {
  // deno-lint-ignore no-explicit-any
  const { DurationFormat } = Intl as any;
  const formats: { resolvedOptions(): unknown }[] = [
    new Intl.Collator("de", { numeric: true, sensitivity: "base" }),
    new Intl.DateTimeFormat("de", { dateStyle: "full", timeZone: "Asia/Tokyo" }),
    new Intl.DateTimeFormat("en", { hour: "numeric", minute: "2-digit", hour12: false }),
    new Intl.DateTimeFormat("ar-EG-u-ca-islamic", { dayPeriod: "long", fractionalSecondDigits: 2 }),
    new Intl.DisplayNames("fr", { type: "currency", fallback: "none" }),
    ...DurationFormat === undefined ? [] : [new DurationFormat("en", { style: "digital" })],
    new Intl.ListFormat("en", { type: "disjunction", style: "narrow" }),
    new Intl.NumberFormat("de", { style: "currency", currency: "EUR", notation: "compact" }),
    new Intl.NumberFormat("hi-u-nu-deva", { minimumSignificantDigits: 3, useGrouping: false }),
    new Intl.NumberFormat("en", { style: "unit", unit: "liter", unitDisplay: "long" }),
    new Intl.PluralRules("pl", { type: "ordinal" }),
    new Intl.RelativeTimeFormat("es", { numeric: "auto" }),
    new Intl.Segmenter("ja", { granularity: "word" }),
  ];
  const copies = roundTrip(formats);
  formats.forEach((format, i) => {
    assert.equal(Object.getPrototypeOf(copies[i]), Object.getPrototypeOf(format));
    assert.deepEqual(copies[i].resolvedOptions(), format.resolvedOptions());
  });
  const locale = roundTrip(new Intl.Locale("zh-Hant-TW-u-ca-roc"));
  assert.ok(locale instanceof Intl.Locale);
  assert.equal(locale.toString(), "zh-Hant-TW-u-ca-roc");
  const decoder = roundTrip(new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true }));
  assert.ok(decoder instanceof TextDecoder);
  assert.deepEqual(
    [decoder.encoding, decoder.fatal, decoder.ignoreBOM],
    ["utf-16be", true, true],
  );
  assert.equal(roundTrip(new TextEncoder()).encode("ä").length, 2);
});

Deno.test("objects of which every program has one are that of the program that reads them", () => {
  const value = { Math, JSON, Reflect, Atomics, Intl, console, again: [Math, {}] };
  const copy = roundTrip(value);
  assert.deepEqual(copy, value);
  for (const name of ["Math", "JSON", "Reflect", "Atomics", "Intl", "console"] as const) {
    assert.equal(copy[name], value[name]);
  }
  assert.equal(copy.again[0], Math);
  assert.deepEqual(Object.getOwnPropertyNames(copy.again[1]), []);
});

// deno-lint-ignore no-explicit-any
const T = (globalThis as any).Temporal;

Deno.test({
  name: "all of Temporal travels to the last bit",
  ignore: T === undefined,
  fn() {
    const values = [
      new T.PlainDate(-20, 2, 28),
      new T.PlainDate(2024, 2, 29, "hebrew"),
      new T.PlainTime(23, 59, 59, 999, 999, 999),
      new T.PlainDateTime(2024, 2, 29, 1, 2, 3, 4, 5, 6, "gregory"),
      new T.Instant(-(10n ** 18n) - 1n),
      new T.ZonedDateTime(123456789012345678n, "Europe/Berlin", "iso8601"),
      // A time zone whose offset had seconds.
      new T.ZonedDateTime(-2_000_000_000_000_000_001n, "Africa/Monrovia", "gregory"),
      new T.Duration(0, 0, 0, 0, 0, 0, 0, 1500, 2, -0),
      new T.Duration(-1, -2),
      new T.PlainYearMonth(2020, 1, "gregory", 15),
      new T.PlainMonthDay(2, 29, "iso8601", 1972),
    ];
    const copies = roundTrip(values);
    values.forEach((value, i) => {
      assert.equal(Object.getPrototypeOf(copies[i]), Object.getPrototypeOf(value));
      assert.equal(copies[i].toString(), value.toString());
      if ("calendarId" in value) assert.equal(copies[i].calendarId, value.calendarId);
      if ("epochNanoseconds" in value) {
        assert.equal(copies[i].epochNanoseconds, value.epochNanoseconds);
      }
      if ("milliseconds" in value) assert.equal(copies[i].milliseconds, value.milliseconds);
    });
    const full = { calendarName: "always" };
    assert.equal(copies[9].toString(full), "2020-01-15[u-ca=gregory]");
    assert.equal(copies[10].toString(full), values[10].toString(full));
  },
});

Deno.test("symbols of the language and of Symbol.for travel", () => {
  const symbols = [
    Symbol.iterator,
    Symbol.asyncDispose,
    Symbol.for("key"),
    Symbol.for(""),
    Symbol.for("for:iterator"),
    Symbol.for("\ud800"),
  ];
  assert.deepEqual(roundTrip(symbols), symbols);
  assert.throws(() => serialize(Symbol("iterator")), SerializationError);
});

Deno.test("classes of the user that extend the platform's travel with their class and properties", () => {
  class Link extends URL {
    title = "a link";
    get short(): string {
      return this.hostname;
    }
  }
  const code = new FakeCode();
  code.part(Link);
  const copy = code.roundTrip(new Link("http://example.com/x"));
  assert.ok(copy instanceof Link);
  assert.equal(copy.short, "example.com");
  assert.equal(copy.title, "a link");
  assert.throws(() => code.roundTrip(new (class extends URL {})("x:y")), SerializationError);
  // Where nothing knows about classes, it is the URL that it is.
  assert.equal(Object.getPrototypeOf(roundTrip(new Link("x:y"))), URL.prototype);
});

Deno.test("a Buffer of Node's arrives as one, its memory as it is", () => {
  const code = new FakeCode();
  const bytes = serialize(Buffer.from("abc"));
  assert.deepEqual(serialize(Buffer.from("abc"), { code }).frames, bytes.frames);
  const copy = deserialize(bytes);
  assert.ok(Buffer.isBuffer(copy));
  assert.equal(copy.toString("hex"), "616263");

  const large = Buffer.alloc(10_000, 1);
  const view = new Uint8Array(large.buffer, large.byteOffset, 5);
  const sent = serialize([large, view, large]);
  assert.ok(sent.frames[1].buffer === large.buffer);
  const [one, part, two] = deserialize(sent) as [Buffer, Uint8Array, Buffer];
  assert.equal(one, two);
  assert.deepEqual(one, large);
  assert.ok(one.buffer === large.buffer);
  assert.ok(part.buffer === one.buffer);
  assert.equal(Object.getPrototypeOf(part), Uint8Array.prototype);
});

Deno.test("something that only says it is a URL is refused", () => {
  const fake = {
    get [Symbol.toStringTag]() {
      return "URL";
    },
  };
  assert.deepEqual(roundTrip(fake), {});
  assert.throws(() => serialize(Object.create(URL.prototype)), /reading it failed/);
});

Deno.test("a kind of object that this runtime has not, or that is damaged, is an error", () => {
  const bytes = serialize(new URL("http://example.com"));
  const damaged = (from: string, to: string) => {
    const frame = bytes.frames[0].slice();
    const text = new TextDecoder("latin1").decode(frame).replace(from, to);
    return new Serialized([Uint8Array.from(text, (c) => c.charCodeAt(0))]);
  };
  assert.throws(() => deserialize(damaged("URL", "UBL")), /this runtime has no UBL; use a newer/);
  assert.throws(
    () => deserialize(damaged("http://", "\x01\x01\x01\x01\x01\x01\x01")),
    (error) => error instanceof DeserializationError,
  );
});
