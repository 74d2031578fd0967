/** The API's answers about URLs and rules. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import { explain } from "../domain/explain.ts";
import { hasSubject } from "../domain/HookEvent.ts";
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import type { EndpointRow } from "./Api.ts";
import { Api } from "./Api.ts";
import { problem } from "./Problem.ts";
import type { RecentFigures } from "./Recent.ts";

/** @param recent how it goes at a URL of late */
export const deliveryLive = (
  { metrics, settings }: Pick<WebHook, "metrics" | "settings">,
  recent: (endpoint: EndpointSnapshot) => RecentFigures,
) =>
  HttpApiBuilder.group(Api, "delivery", (handlers) =>
    handlers
      .handle("endpoints", () =>
        Effect.sync(() =>
          metrics.snapshot().endpoints.map((endpoint) => endpointRow(endpoint, recent(endpoint)))
        ))
      .handle("explain", ({ payload: { event, topic } }) => {
        if (hasSubject(event) && topic === undefined) {
          return Effect.fail(problem(422, `topic is missing: rules choose ${event} by it`));
        }
        return Effect.sync(() =>
          explain(settings().rules, event, topic)
        );
      }));

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
