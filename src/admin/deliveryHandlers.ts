/** The API's answers about URLs. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { Api } from "./Api.ts";
import { endpointCalled } from "./endpointCalled.ts";
import { endpointRow } from "./endpointRow.ts";
import { problem } from "./Problem.ts";
import type { RecentFigures } from "./Recent.ts";

/** @param recent how it goes at a URL of late */
export const deliveryLive = (
  { metrics, settings, pause, resume }: Pick<WebHook, "metrics" | "settings" | "pause" | "resume">,
  recent: (endpoint: EndpointSnapshot) => RecentFigures,
) =>
  HttpApiBuilder.group(Api, "delivery", (handlers) =>
    handlers
      .handle("endpoints", () =>
        Effect.sync(() =>
          metrics.snapshot().endpoints.map((endpoint) => endpointRow(endpoint, recent(endpoint)))
        ))
      .handle("probe", ({ payload: { url, event } }) =>
        Effect.gen(function* () {
          const endpoint = yield* endpointCalled(settings(), url);
          const { rules } = settings();
          const sent = event ?? rules.find(({ urls }) =>
            urls.includes(endpoint.url)
          )?.event;
          if (sent === undefined) return yield* Effect.fail(problem(422, "no rule sends there"));
          const { tryOne } = yield* Effect.promise(() => import("../webhook/attempt/tryOut.ts"));
          return yield* tryOne(settings(), endpoint, sent);
        }))
      .handle("pause", ({ payload }) =>
        Effect.flatMap(endpointCalled(settings(), payload.url), ({ url, name }) => {
          const state = pause(url);
          return state === "paused"
            ? Effect.succeed({ url: name, state })
            : Effect.fail(problem(409, "nothing is sent there: it has answered 410"));
        }))
      .handle("resume", ({ payload }) =>
        Effect.map(endpointCalled(settings(), payload.url), ({ url, name }) => ({
          url: name,
          state: resume(url),
        }))));
