/** `deno task init` as a program: the real terminal and the real files. */
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import { EX_USAGE } from "../config/CommandLine.ts";
import { ConfigSource } from "../config/ConfigSource.ts";
import { init } from "./init/init.ts";
import { INIT_USAGE, parseInitOptions } from "./init/InitOptions.ts";
import { Cancelled } from "./Person.ts";
import { Terminal } from "./Terminal.ts";

/** Events and passwords are for the broker's own user. */
const modeOf = (isSecret: boolean): number => isSecret ? 0o600 : 0o644;

const isThere = (path: string): Promise<boolean> =>
  Deno.lstat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  });

/** Beside it first: nobody finds half a file, and one that was there gets the mode, too. */
const write = async (path: string, text: string, isSecret: boolean): Promise<void> => {
  const beside = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(beside, text, { createNew: true, mode: modeOf(isSecret) });
  try {
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside);
    throw error;
  }
};

const main = async (): Promise<number> => {
  const options = parseInitOptions(Deno.args);
  if (options === "help") return console.log(INIT_USAGE), 0;
  if ("fault" in options) {
    console.error(`init: ${options.fault}`);
    return EX_USAGE;
  }
  const context = await Effect.runPromise(Effect.scoped(Layer.build(ConfigSource.Live)));
  const source = Context.get(context, ConfigSource);
  const print = (text: string) => console.log(text);
  try {
    return await init(options, { person: new Terminal(), source, isThere, write, print });
  } catch (error) {
    if (error instanceof Cancelled) {
      console.error("\nNothing was written.");
      return 130; // as a shell tells of Ctrl-C
    }
    console.error(`init: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
};

if (import.meta.main) Deno.exit(await main());
