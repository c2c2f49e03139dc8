/**
 * `Temporal`'s objects as strings and numbers, to the last bit; where the runtime has them.
 *
 * @module
 */
import type { Standard } from "./values_standard.ts";

// deno-lint-ignore no-explicit-any
type Any = any;

/** With the calendar and all of the date that it counts from. */
const FULL = { calendarName: "always" };
/** What a year and month, or a month and day, are as a date. */
const DATE = /^([+-]?\d+)-(\d\d)-(\d\d)\[u-ca=(.+)\]$/;

const DURATION = [
  "years",
  "months",
  "weeks",
  "days",
  "hours",
  "minutes",
  "seconds",
  "milliseconds",
  "microseconds",
  "nanoseconds",
];

/** All kinds of `Temporal`. */
export const TEMPORAL_KINDS: readonly Standard[] = [
  asText("PlainDate"),
  asText("PlainDateTime"),
  asText("PlainTime"),
  asText("Instant"),
  {
    name: "Temporal.ZonedDateTime",
    // Its text rounds offsets of a time zone to minutes.
    content: (time: Any) => [time.epochNanoseconds, time.timeZoneId, time.calendarId],
    make: ([nanoseconds, zone, calendar]: Any) =>
      new (temporal().ZonedDateTime)(...primitives([nanoseconds, zone, calendar])),
  },
  {
    name: "Temporal.Duration",
    // Its text makes seconds of 1500 milliseconds.
    content: (duration: Any) => DURATION.map((unit) => duration[unit]),
    make: (content: Any) => new (temporal().Duration)(...primitives(content)),
  },
  {
    name: "Temporal.PlainYearMonth",
    content: (month: Any) => month.toString(FULL),
    // `from` would choose the day of reference anew.
    make: (content: Any) => {
      const [year, month, day, calendar] = dateParts(content);
      return new (temporal().PlainYearMonth)(year, month, calendar, day);
    },
  },
  {
    name: "Temporal.PlainMonthDay",
    content: (day: Any) => day.toString(FULL),
    make: (content: Any) => {
      const [year, month, day, calendar] = dateParts(content);
      return new (temporal().PlainMonthDay)(month, day, calendar, year);
    },
  },
];

function asText(name: string): Standard {
  return {
    name: `Temporal.${name}`,
    content: (object: Any) => object.toString(FULL),
    make: (content: Any) => temporal()[name].from(text(content)),
  };
}

/** Of a type that not every version of TypeScript knows. */
function temporal(): Any {
  return (globalThis as Any).Temporal;
}

function text(content: unknown): string {
  if (typeof content !== "string") throw new TypeError("a text was expected");
  return content;
}

/** Objects would be made numbers or texts, which may take for ever. */
function primitives(content: Any): Any[] {
  const list: unknown[] = Array.isArray(content) ? content : [content];
  if (list.some((item) => typeof item === "object")) throw new TypeError("a number was expected");
  return list;
}

function dateParts(content: unknown): [year: number, month: number, day: number, calendar: string] {
  const match = DATE.exec(text(content));
  if (match === null) throw new TypeError("a date was expected");
  return [Number(match[1]), Number(match[2]), Number(match[3]), match[4]];
}
