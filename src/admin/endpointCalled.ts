import * as Effect from "effect/Effect";
import { displayUrl } from "../domain/displayUrl.ts";
import type { EndpointSettings, WebHookSettings } from "../domain/WebHookSettings.ts";
import type { Problem } from "./Problem.ts";
import { problem } from "./Problem.ts";

/** The endpoint that a request means: by its URL as web-hook.toml has it, or as log and metrics show it. */
export const endpointCalled = (
  { endpoints }: WebHookSettings,
  text: string,
): Effect.Effect<EndpointSettings, Problem> => {
  const exact = endpoints.get(text);
  if (exact !== undefined) return Effect.succeed(exact);
  const [first, ...more] = [...endpoints.values()].filter(({ url }) => displayUrl(url) === text);
  if (first === undefined) {
    const known = [...endpoints.keys()].map((url) => JSON.stringify(displayUrl(url)));
    const ours = known.length === 0 ? "there is none" : `they are ${known.join(", ")}`;
    return Effect.fail(
      problem(422, `${JSON.stringify(text)} is no URL to which a rule sends: ${ours}`),
    );
  }
  return more.length === 0 ? Effect.succeed(first) : Effect.fail(
    problem(422, `${more.length + 1} URLs are shown as that: write it with its user and password`),
  );
};
