/**
 * How it goes at each URL of late: events per second of the last ten seconds, and how long requests took in the
 * last minute. It looks at the counters every few seconds; nothing is gathered per event.
 */
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import { sum } from "../webhook/account/Metrics.ts";

/** Milliseconds between two looks. */
export const LOOK_EVERY_MS = 5000;

/** Looks that are remembered: a minute. */
const LOOKS = 60_000 / LOOK_EVERY_MS;

/** Looks back to the one from which rates are counted. */
const RATE_LOOKS = 10_000 / LOOK_EVERY_MS;

interface Figures {
  readonly delivered: number;
  readonly failed: number;
  /** Of the histogram of requests. */
  readonly requests: Float64Array;
}

interface Look {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly byUrl: ReadonlyMap<string, Figures>;
}

export interface RecentFigures {
  /** Per second. */
  readonly rate: { readonly delivered: number; readonly failed: number };
  /** Null: there was no request. */
  readonly latency_ms: { readonly p50: number | null; readonly p99: number | null };
}

export class Recent {
  /** The oldest first. */
  readonly #looks: Array<Look> = [];

  /** @param at monotonic milliseconds */
  look(endpoints: ReadonlyArray<EndpointSnapshot>, at: number): void {
    const byUrl = new Map(endpoints.map((endpoint) => [endpoint.url, figuresOf(endpoint)]));
    if (this.#looks.push({ at, byUrl }) > LOOKS) this.#looks.shift();
  }

  /** @param at monotonic milliseconds */
  of(endpoint: EndpointSnapshot, at: number): RecentFigures {
    const now = figuresOf(endpoint);
    const then = this.#looks.at(-RATE_LOOKS) ?? this.#looks.at(0);
    const before = then?.byUrl.get(endpoint.url);
    const seconds = (at - (then?.at ?? at)) / 1000;
    const rate = (key: "delivered" | "failed"): number =>
      seconds <= 0 ? 0 : rounded((now[key] - (before?.[key] ?? 0)) / seconds);
    const first = this.#looks.at(0)?.byUrl.get(endpoint.url)?.requests;
    const counts = now.requests.map((count, place) => count - (first?.[place] ?? 0));
    return {
      rate: { delivered: rate("delivered"), failed: rate("failed") },
      latency_ms: {
        p50: quantile(endpoint.requests.ends, counts, 0.5),
        p99: quantile(endpoint.requests.ends, counts, 0.99),
      },
    };
  }
}

const figuresOf = ({ total, requests }: EndpointSnapshot): Figures => ({
  delivered: total.delivered,
  failed: sum(total.failed) + sum(total.dropped),
  requests: requests.counts,
});

/** As Prometheus' histogram_quantile has it: within a range, values are taken to be spread evenly. */
const quantile = (
  ends: ReadonlyArray<number>,
  counts: Float64Array,
  part: number,
): number | null => {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = total * part;
  for (let place = 0; place < ends.length; place++) {
    const count = counts[place]!; // one longer than `ends`
    const [from, to] = [ends[place - 1] ?? 0, ends[place]!]; // below the length
    if (count >= left) return rounded(from + (to - from) * left / count);
    left -= count;
  }
  return ends.at(-1) ?? null;
};

/** To three digits behind the point. */
const rounded = (value: number): number => Math.round(value * 1000) / 1000;
