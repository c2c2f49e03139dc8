/**
 * Objects of the platform that hold nothing but how they were set up: they are set up again.
 *
 * @module
 */
import type { Standard } from "./values_standard.ts";

/** All of `Intl` that says how it was set up. */
const FORMATS = [
  "Collator",
  "DateTimeFormat",
  "DisplayNames",
  "DurationFormat",
  "ListFormat",
  "NumberFormat",
  "PluralRules",
  "RelativeTimeFormat",
  "Segmenter",
];

interface Format {
  resolvedOptions(): Record<string, unknown>;
}

type Settings = [locale: string, options: [name: string, setting: unknown][]];

/** Kinds of objects that are set up again. */
export const STATELESS_KINDS: readonly Standard[] = [
  {
    name: "TextEncoder",
    content: () => "",
    make: () => new TextEncoder(),
  },
  {
    name: "TextDecoder",
    content: ({ encoding, fatal, ignoreBOM }: TextDecoder) => [encoding, fatal, ignoreBOM],
    make: ([encoding, fatal, ignoreBOM]: [string, boolean, boolean]) =>
      new TextDecoder(encoding, { fatal, ignoreBOM }),
  },
  {
    name: "Intl.Locale",
    content: (locale: Intl.Locale) => locale.toString(),
    make: (tag: string) => new Intl.Locale(tag),
  },
  ...FORMATS.map(format),
];

/** The locale and time zone are those of this program, wherever it goes. */
function format(name: string): Standard {
  return {
    name: `Intl.${name}`,
    content: (format: Format): Settings => {
      const { locale, ...options } = format.resolvedOptions();
      const settings = Object.entries(options).filter(([, setting]) => typeof setting !== "object");
      return [String(locale), settings];
    },
    make: ([locale, settings]: Settings) => {
      const formats = Intl as unknown as Record<string, new (...args: unknown[]) => object>;
      return new formats[name](locale, Object.fromEntries(settings));
    },
  };
}

/** Objects of which there is one, that hold what the language or the platform can do. */
export const SINGLE_KINDS: readonly Standard[] = [
  single("Atomics", Atomics),
  single("Intl", Intl),
  single("JSON", JSON),
  single("Math", Math),
  single("Reflect", Reflect),
  single("console", console),
];

function single(name: string, object: object): Standard {
  return { name, single: object, content: () => "", make: () => object };
}
