/** The API's answers about URLs and rules. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import { hasSubject } from "../domain/HookEvent.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { Api } from "./Api.ts";
import { endpointRow } from "./endpointRow.ts";
import { explain } from "./explain.ts";
import { problem } from "./Problem.ts";

export const deliveryLive = ({ metrics, settings }: Pick<WebHook, "metrics" | "settings">) =>
  HttpApiBuilder.group(Api, "delivery", (handlers) =>
    handlers
      .handle("endpoints", () => Effect.sync(() => metrics.snapshot().endpoints.map(endpointRow)))
      .handle("explain", ({ payload: { event, topic } }) => {
        if (hasSubject(event) && topic === undefined) {
          return Effect.fail(problem(422, `topic is missing: rules choose ${event} by it`));
        }
        return Effect.sync(() => explain(settings().rules, event, topic));
      }));
