/** The API's answers about web-hook.toml. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Effect from "effect/Effect";
import type { Reloaded } from "../config/Reloaded.ts";
import { webHookTable } from "../config/webHookTable.ts";
import { nameOf } from "../domain/endpointNames.ts";
import { explain } from "../domain/explain.ts";
import { hasSubject } from "../domain/HookEvent.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import { Api } from "./Api.ts";
import type { Problem } from "./Problem.ts";
import { problem } from "./Problem.ts";

/** @param settings those in force @param reload reads both files again */
export const webHookLive = (settings: () => WebHookSettings, reload: () => Promise<Reloaded>) =>
  HttpApiBuilder.group(Api, "web-hook", (handlers) =>
    handlers
      .handle("webHook", () => Effect.sync(() => shown(settings())))
      .handle("reload", () =>
        Effect.flatMap(Effect.promise(reload), ({ changed, atRestartOnly, faults }) =>
          faults.length === 0
            ? Effect.succeed({ changed, at_restart_only: atRestartOnly })
            : Effect.fail(faulty(changed, faults))))
      .handle("explain", ({ payload: { event, topic } }) => {
        if (hasSubject(event) && topic === undefined) {
          return Effect.fail(problem(422, `topic is missing: rules choose ${event} by it`));
        }
        return Effect.sync(() =>
          explain(settings().rules, event, topic, (url) =>
            nameOf(settings(), url))
        );
      }));

const shown = (settings: WebHookSettings) =>
  webHookTable(settings, { url: (url) => nameOf(settings, url), secret: () => "***" });

const faulty = (changed: Reloaded["changed"], faults: Reloaded["faults"]): Problem => {
  const files = [...new Set(faults.map(({ file }) => file))];
  const others = changed.length === 0 ? "" : `; of the other file changed: ${changed.join(", ")}`;
  return problem(422, `not reloaded, going on as before: ${files.join(", ")}${others}`, { faults });
};
