/** A ConfigSource made of two records, so that tests of the configuration need no permission. */
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import { ConfigSource } from "../../../src/config/ConfigSource.ts";

/** Files by their path and environment variables by their name. */
export const memorySource = (
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): typeof ConfigSource.Service => ({
  readTextFile: (path) => {
    const text = files[path];
    return text === undefined ? Effect.fail("no such file") : Effect.succeed(text);
  },
  env: (name) => Either.fromNullable(env[name], () => "no such environment variable"),
});
