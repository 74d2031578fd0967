/** Where configuration comes from: files and the environment, behind a service so that tests need neither. */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";

/** What decoding a configuration may ask the world for. */
export class ConfigSource extends Context.Tag("hookline/config/ConfigSource")<
  ConfigSource,
  {
    /** The whole text of a file, or in a few words why it cannot be read. */
    readonly readTextFile: (path: string) => Effect.Effect<string, string>;
    /** The value of an environment variable, undefined when it is not set. */
    readonly env: (name: string) => string | undefined;
  }
>() {
  /** The process's own files and environment: needs the permissions to read both. */
  static readonly Live = Layer.succeed(ConfigSource, {
    readTextFile: (path) => Effect.tryPromise({ try: () => readUtf8(path), catch: reasonOf }),
    env: (name) => Deno.env.get(name),
  });
}

/** Deno.readTextFile would put U+FFFD for what is no UTF-8: into a password, say, without a word. */
const readUtf8 = async (path: string): Promise<string> =>
  new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path));

const reasonOf = (error: unknown): string => {
  if (error instanceof Deno.errors.NotFound) return "no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "a file that may not be read";
  if (error instanceof Deno.errors.IsADirectory) return "a folder";
  if (error instanceof TypeError) return "a text that is not UTF-8";
  return error instanceof Error ? error.message : String(error);
};
