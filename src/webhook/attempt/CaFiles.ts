/** The `ca_file`s of endpoints, read before anything is sent: a wrong path is a fault of the start. */
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";

/** A `ca_file` that cannot be read, or holds no certificate. */
export class CaFileError extends Data.TaggedError("CaFileError")<{
  readonly path: string;
  readonly cause: unknown;
}> {
  override get message(): string {
    return `ca_file ${this.path} cannot be used: ${this.cause}`;
  }
}

/** The certificates' text by path. */
export type CaFiles = ReadonlyMap<string, string>;

export const read = (
  endpoints: ReadonlyMap<string, EndpointSettings>,
): Effect.Effect<CaFiles, CaFileError> => {
  const paths = new Set<string>();
  for (const { caFile } of endpoints.values()) if (caFile !== undefined) paths.add(caFile);
  return Effect.map(
    Effect.forEach(paths, (path) =>
      Effect.tryPromise({
        try: async () => {
          const text = await Deno.readTextFile(path);
          if (!text.includes("-----BEGIN CERTIFICATE-----")) {
            throw new Error("it holds no PEM certificate");
          }
          // A malformed one would be found later: by the worker's client, whose thread ends with it.
          Deno.createHttpClient({ caCerts: [text] }).close();
          return [path, text] as const;
        },
        catch: (cause) => new CaFileError({ path, cause }),
      })),
    (read) => new Map(read),
  );
};
