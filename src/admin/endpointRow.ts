/** A URL's figures as the API has them. */
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { EndpointRow } from "./Api.ts";

export const endpointRow = (
  { url, breaker, attempts, last_error, total, events }: EndpointSnapshot,
): EndpointRow => ({
  url,
  state: breaker,
  ...total,
  attempts,
  last_error: last_error ?? null,
  events,
});
