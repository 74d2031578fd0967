/** A URL's figures as the API has them. */
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { EndpointRow } from "./Api.ts";
import type { RecentFigures } from "./Recent.ts";

/** @param recent how it goes there of late */
export const endpointRow = (
  { url, breaker, since_ms, attempts, oldest_ms, last_success, total, events, ...others }:
    EndpointSnapshot,
  { rate, latency_ms }: RecentFigures,
): EndpointRow => {
  const { last_error } = others;
  return {
    url,
    state: breaker,
    since_ms,
    ...total,
    attempts,
    oldest_ms,
    rate,
    latency_ms,
    last_success_at: last_success ?? null,
    last_error: last_error === undefined
      ? null
      : { ...last_error, status: last_error.status ?? null },
    events,
  };
};
