/** Which dead letters a command means, by what is known of each. */
import type { HookEventName } from "../../domain/HookEvent.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";

/** One dead letter as a person is told of it. */
export interface Letter {
  /** The `webhook-id` that receivers saw. */
  readonly id: string;
  readonly seq: number;
  readonly url: string;
  readonly event: HookEventName;
  readonly reason: string;
  readonly detail: string;
  /** When it came, and when it was given up; milliseconds since 1970. */
  readonly born: number;
  readonly at: number;
  /** The client whose order it keeps. */
  readonly lane: string | undefined;
  readonly body: Uint8Array;
  /** Whether it is to be sent again. */
  readonly replay: boolean;
}

/** Of all that is said, everything has to hold. */
export interface LetterFilter {
  readonly url?: string | undefined;
  readonly event?: HookEventName | undefined;
  readonly reason?: string | undefined;
  readonly client?: string | undefined;
  /** Given up then or later, and before; milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly id?: string | undefined;
}

/** Whether a letter is meant. */
export const isMeant = (filter: LetterFilter, letter: Letter): boolean =>
  (filter.url === undefined || filter.url === letter.url) &&
  (filter.event === undefined || filter.event === letter.event) &&
  (filter.reason === undefined || filter.reason === letter.reason) &&
  (filter.since === undefined || letter.at >= filter.since) &&
  (filter.until === undefined || letter.at < filter.until) &&
  (filter.id === undefined || filter.id === letter.id) &&
  (filter.client === undefined || filter.client === letter.lane ||
    clientsOf(letter).includes(filter.client));

/** The clients that a body names. */
export const clientsOf = ({ body }: Pick<Letter, "body">): ReadonlyArray<unknown> => {
  try {
    const { clientid, from_clientid } = JSON.parse(new TextDecoder().decode(body));
    return [clientid, from_clientid].filter((name) => name !== undefined);
  } catch {
    return []; // no JSON: it names none
  }
};

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A moment as a person writes it: a date with or without a time, in UTC unless it says another zone, or how
 * long ago (`90m`, `2h`, `7d`). Returns: undefined where it is neither.
 */
export const parseMoment = (text: string, now: number): number | undefined => {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * UNITS[unit]!;
  if (!/^\d{4}-\d\d-\d\d/.test(text)) return undefined;
  const moment = Date.parse(/T.*(Z|[+-]\d\d:?\d\d)$|^.{10}$/.test(text) ? text : `${text}Z`);
  return Number.isNaN(moment) ? undefined : moment;
};

/** The event of this name, or undefined. */
export const parseEvent = (text: string): HookEventName | undefined =>
  hookEventNames.find((name) => name === text);
