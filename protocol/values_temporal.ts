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

/** All kinds of `Temporal` that this runtime has. */
export function temporalKinds(): Standard[] {
  const temporal = (globalThis as { Temporal?: Any }).Temporal;
  if (temporal === undefined) return [];
  const fromText = (name: string): Standard => ({
    name: `Temporal.${name}`,
    class: temporal[name],
    content: (object: Any) => object.toString(FULL),
    make: (text: Any) => temporal[name].from(text),
  });
  return [
    fromText("PlainDate"),
    fromText("PlainDateTime"),
    fromText("PlainTime"),
    fromText("Instant"),
    {
      name: "Temporal.ZonedDateTime",
      class: temporal.ZonedDateTime,
      // Its text rounds offsets of a time zone to minutes.
      content: (time: Any) => [time.epochNanoseconds, time.timeZoneId, time.calendarId],
      make: (content: Any) => new temporal.ZonedDateTime(...content),
    },
    {
      name: "Temporal.Duration",
      class: temporal.Duration,
      // Its text makes seconds of 1500 milliseconds.
      content: (duration: Any) => DURATION.map((unit) => duration[unit]),
      make: (content: Any) => new temporal.Duration(...content),
    },
    {
      name: "Temporal.PlainYearMonth",
      class: temporal.PlainYearMonth,
      content: (month: Any) => month.toString(FULL),
      // `from` would choose the day of reference anew.
      make: (text: Any) => {
        const [year, month, day, calendar] = dateParts(text);
        return new temporal.PlainYearMonth(year, month, calendar, day);
      },
    },
    {
      name: "Temporal.PlainMonthDay",
      class: temporal.PlainMonthDay,
      content: (day: Any) => day.toString(FULL),
      make: (text: Any) => {
        const [year, month, day, calendar] = dateParts(text);
        return new temporal.PlainMonthDay(month, day, calendar, year);
      },
    },
  ];
}

function dateParts(text: unknown): [year: number, month: number, day: number, calendar: string] {
  const match = DATE.exec(String(text));
  if (match === null) throw new TypeError("a date was expected");
  return [Number(match[1]), Number(match[2]), Number(match[3]), match[4]];
}
