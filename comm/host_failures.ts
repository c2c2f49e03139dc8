/**
 * Which hosts have failed to show who they are, of late: they wait before they may try again, longer with
 * each failure, and fill no log. Others are not held up, and what is remembered is bounded.
 *
 * @module
 */
import { isIPv6 } from "./host_port.ts";

/** Seconds to wait after a first failure; twice as long after each further one. */
const FIRST_DELAY = 0.02;
/** The longest that anyone waits: an honest peer shares its address with others, and shall get in. */
const LONGEST_DELAY = 1;
/** Seconds after which half of the failures are forgotten. */
const HALF_LIFE = 10;
/** What is left of a failure when it is forgotten. */
const LEAST_FAILURES = 0.5;
/** Failures that count at most, so that they are forgotten after a minute or so. */
const MOST_FAILURES = 32;
/** Hosts that are remembered. */
const MOST_HOSTS = 1024;
/** Seconds between two lines in the log about one host. */
const LOG_INTERVAL = 10;

/** What is remembered of a host. */
interface HostRecord {
  failures: number;
  /** When the last one was, in seconds. */
  last: number;
  /** When the log told of it. */
  logged: number;
  /** Failures since, of which it did not. */
  silent: number;
}

/** The failures of hosts. All times in seconds, on any clock. */
export class HostFailures {
  /** The host that failed last is the last one. */
  readonly #records = new Map<string, HostRecord>();

  /** How many hosts are remembered. */
  get size(): number {
    return this.#records.size;
  }

  /**
   * How long a host has to wait before it is looked at.
   *
   * @param host Its IP address.
   * @param now The time.
   * @returns Seconds; 0 where it has not failed of late.
   */
  delayOf(host: string, now: number): number {
    const record = this.#records.get(keyOf(host));
    const failures = record === undefined ? 0 : recent(record, now);
    return failures < LEAST_FAILURES
      ? 0
      : Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (failures - 1));
  }

  /**
   * Remembers a failure.
   *
   * @param host IP address of the host that failed.
   * @param now The time.
   * @param isGuess Whether it has tried a secret: only then it waits the next time.
   * @returns How many failures there were that the log has not told of, if it should do so now;
   * undefined when it has told of this host a moment ago.
   */
  add(host: string, now: number, isGuess: boolean): number | undefined {
    const key = keyOf(host);
    const before = this.#records.get(key);
    const record = before ?? { failures: 0, last: now, logged: -Infinity, silent: 0 };
    record.failures = Math.min(recent(record, now) + (isGuess ? 1 : 0), MOST_FAILURES);
    record.last = now;
    this.#records.delete(key);
    this.#records.set(key, record);
    if (this.#records.size > MOST_HOSTS) this.#records.delete(this.#records.keys().next().value!);
    if (now - record.logged < LOG_INTERVAL) {
      record.silent++;
      return undefined;
    }
    const { silent } = record;
    record.logged = now;
    record.silent = 0;
    return silent;
  }
}

/** The failures that still count. */
function recent({ failures, last }: HostRecord, now: number): number {
  return failures * 2 ** ((last - now) / HALF_LIFE);
}

/** A host has all of an IPv6 network of 64 bits to itself, and may use a new address each time. */
function keyOf(host: string): string {
  if (!isIPv6(host) || host.includes(".")) return host;
  const [head, tail] = host.split("%")[0].split("::");
  const groups = head.split(":").filter((group) => group !== "");
  if (tail !== undefined) {
    const end = tail.split(":").filter((group) => group !== "");
    while (groups.length + end.length < 8) groups.push("0");
    groups.push(...end);
  }
  return groups.slice(0, 4).join(":");
}
