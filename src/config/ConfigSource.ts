/** Where configuration comes from: files and the environment, behind a service so that tests need neither. */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as Layer from "effect/Layer";

/** What decoding a configuration may ask the world for. */
export class ConfigSource extends Context.Tag("hookline/config/ConfigSource")<
  ConfigSource,
  {
    /** The whole text of a file, or in a few words why it cannot be read. */
    readonly readTextFile: (path: string) => Effect.Effect<string, string>;
    /** The value of an environment variable, or in a few words why there is none. */
    readonly env: (name: string) => Either.Either<string, string>;
  }
>() {
  /**
   * The process's own files and environment: needs the permissions to read both. A variable that was read
   * once can be read again without: none changes while the process runs.
   */
  static readonly Live = Layer.sync(ConfigSource, () => {
    const known = new Map<string, Either.Either<string, string>>();
    return {
      readTextFile: (path) => Effect.tryPromise({ try: () => readUtf8(path), catch: reasonOf }),
      env: (name) => {
        const value = known.get(name) ?? readEnv(name);
        if (Either.isRight(value)) known.set(name, value);
        return value;
      },
    };
  });
}

/** What was asked of a source: paths of files and names of variables, whether or not they are there. */
export interface Asked {
  readonly files: ReadonlySet<string>;
  readonly variables: ReadonlySet<string>;
}

/** The same source, and what is asked of it from now on. */
export const recording = (
  { readTextFile, env }: typeof ConfigSource.Service,
): { readonly source: typeof ConfigSource.Service; readonly asked: Asked } => {
  const files = new Set<string>();
  const variables = new Set<string>();
  return {
    source: {
      readTextFile: (path) => {
        files.add(path);
        return readTextFile(path);
      },
      env: (name) => {
        variables.add(name);
        return env(name);
      },
    },
    asked: { files, variables },
  };
};

const readEnv = (name: string): Either.Either<string, string> => {
  const unset = () => "no such environment variable";
  try {
    return Either.fromNullable(Deno.env.get(name), unset);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) return Either.left(unset()); // no name: "", "A=B"
    return Either.left("a variable that only a restart can read");
  }
};

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
