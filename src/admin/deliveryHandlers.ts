/** The API's answers about URLs. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { Api } from "./Api.ts";
import { endpointRow } from "./endpointRow.ts";
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
