/** Rates as configuration files write them: `"30/s"`, `"10000/5m"`. It must never read half of a text. */
import type { RateLimit } from "../domain/WebHookSettings.ts";
import { formatDuration, parseDuration } from "./Duration.ts";

/** Longer periods could not be waited for by one timer. */
const LONGEST_PERIOD_MS = 24 * 86_400_000;

/**
 * The rate of a text, undefined when it is none: a whole number, 1 or more, a slash, and a duration over 0,
 * of which the number may be left out where it is 1.
 */
export const parseRateLimit = (text: string): RateLimit | undefined => {
  const match = /^(\d+)\/(.+)$/.exec(text);
  if (match === null) return undefined;
  const [, digits = "", duration = ""] = match;
  const count = Number(digits);
  const period = parseDuration(/^\d/.test(duration) ? duration : `1${duration}`);
  if (!Number.isSafeInteger(count) || count < 1) return undefined;
  if (period === undefined || period <= 0 || period > LONGEST_PERIOD_MS) return undefined;
  return { count, period };
};

/** The shortest text that `parseRateLimit` reads as this. */
export const formatRateLimit = ({ count, period }: RateLimit): string =>
  `${count}/${formatDuration(period).replace(/^1(?=[a-z]+$)/, "")}`;
