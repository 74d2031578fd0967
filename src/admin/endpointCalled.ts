import * as Effect from "effect/Effect";
import type { EndpointSettings, WebHookSettings } from "../domain/WebHookSettings.ts";
import type { Problem } from "./Problem.ts";
import { problem } from "./Problem.ts";

/** The endpoint that a request means: by its URL as web-hook.toml has it, or by its name; else a problem. */
export const endpointCalled = (
  { endpoints }: Pick<WebHookSettings, "endpoints">,
  text: string,
): Effect.Effect<EndpointSettings, Problem> => {
  const all = [...endpoints.values()];
  const found = endpoints.get(text) ?? all.find(({ name }) => name === text);
  if (found !== undefined) return Effect.succeed(found);
  const known = all.map(({ name }) => JSON.stringify(name));
  const ours = known.length === 0 ? "there is none" : `they are ${known.join(", ")}`;
  return Effect.fail(
    problem(422, `${JSON.stringify(text)} is no URL to which a rule sends: ${ours}`),
  );
};
