/** The API's answers about URLs. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import type { EndpointRow } from "./Api.ts";
import { Api } from "./Api.ts";
import type { RecentFigures } from "./Recent.ts";

/** @param recent how it goes at a URL of late */
export const deliveryLive = (
  { metrics }: Pick<WebHook, "metrics">,
  recent: (endpoint: EndpointSnapshot) => RecentFigures,
) =>
  HttpApiBuilder.group(Api, "delivery", (handlers) =>
    handlers
      .handle("endpoints", () =>
        Effect.sync(() =>
          metrics.snapshot().endpoints.map((endpoint) => endpointRow(endpoint, recent(endpoint)))
        )));

const endpointRow = (
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
