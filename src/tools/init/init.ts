/**
 * `deno task init`: writes a broker.toml and a web-hook.toml of answers or of files that are there. It must
 * never write what `--check` refuses, overwrite without being told to, or let a password be seen.
 */
import type * as Schema from "@effect/schema";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import type * as Context from "effect/Context";
import { BrokerFile } from "../../config/BrokerFile.ts";
import type { ConfigError } from "../../config/ConfigError.ts";
import { EX_CONFIG } from "../../config/ConfigError.ts";
import { EX_USAGE } from "../../config/CommandLine.ts";
import { ConfigSource } from "../../config/ConfigSource.ts";
import {
  loadBrokerSettings,
  loadSettings,
  loadWebHookSettings,
} from "../../config/loadSettings.ts";
import type { TomlTable } from "../../config/readToml.ts";
import { readToml } from "../../config/readToml.ts";
import { renderSettings } from "../../config/renderSettings.ts";
import { WebHookFile } from "../../config/WebHookFile.ts";
import { configTables } from "../docs/configTables.ts";
import type { Person } from "../Person.ts";
import { askBroker, askWebHook, Unanswered, WrongOption } from "./answers.ts";
import { commentedToml } from "./commentedToml.ts";
import type { InitOptions } from "./InitOptions.ts";

/** What it needs of the world. */
export interface InitWorld {
  readonly person: Person;
  readonly source: Context.Tag.Service<typeof ConfigSource>;
  readonly isThere: (path: string) => Promise<boolean>;
  /** In one step, and readable by its owner alone where it is secret. @throws what keeps it from being written */
  readonly write: (path: string, text: string, isSecret: boolean) => Promise<void>;
  /** Prints the result. */
  readonly print: (text: string) => void;
}

/** @returns the exit status @throws Cancelled */
export const init = async (options: InitOptions, world: InitWorld): Promise<number> => {
  const { person } = world;
  try {
    return await make(options, world);
  } catch (error) {
    if (error instanceof Unanswered) {
      person.say(
        `init: there is no terminal to ask at. Give ${error.message}, or --yes for the default; ` +
          "--help tells all options",
      );
      return EX_USAGE;
    }
    if (!(error instanceof WrongOption)) throw error;
    person.say(`init: ${error.message}`);
    return EX_USAGE;
  }
};

const make = async (options: InitOptions, world: InitWorld): Promise<number> => {
  const { person } = world;
  const { config, webHook, from, fromWebHook } = options;
  const run = <A>(effect: Effect.Effect<A, ConfigError, ConfigSource>, source = world.source) =>
    Effect.runPromise(Effect.either(Effect.provideService(effect, ConfigSource, source)));

  // Of files that are there: what is wrong with them, and what they warn of, is told of them.
  const kept = await run(Effect.all([
    taken(from, (file) => loadBrokerSettings(file)),
    taken(fromWebHook, (file) => loadWebHookSettings(file)),
  ]));
  if (Either.isLeft(kept)) return refused(person, kept.left);
  const [keptBroker, keptWebHook] = kept.right;
  for (const warning of [...keptBroker.warnings, ...keptWebHook.warnings]) person.say(warning);

  // The web-hook's questions first: they are what this broker is for.
  const rules = keptWebHook.table ?? await askWebHook(options, person);
  const doors = keptBroker.table ?? await askBroker(options, person);
  const texts = new Map([
    [config, fileText(person, BrokerFile, doors, from, "broker", "docs/broker-toml.md")],
    [
      webHook,
      fileText(person, WebHookFile, rules, fromWebHook, "web-hook", "docs/web-hook-toml.md"),
    ],
  ]);
  if (texts.size < 2) throw new WrongOption("--config and --web-hook name the same file");

  const { readTextFile } = world.source;
  const checked = await run(loadSettings({ config, webHook }), {
    ...world.source,
    readTextFile: (path) => {
      const text = texts.get(path);
      return text === undefined ? readTextFile(path) : Effect.succeed(text);
    },
  });
  if (Either.isLeft(checked)) return refused(person, checked.left);

  const secret = new Set([
    ...(checked.right.broker.users.length > 0 ? [config] : []),
    ...(holdsSecret(rules, checked.right.webHook.endpoints.keys()) ? [webHook] : []),
  ]);
  for (const path of texts.keys()) {
    if (options.force || !await world.isThere(path)) continue;
    if (!person.isThere || options.yes) {
      person.say(`init: ${path} is there already: --force overwrites it. Nothing was written`);
      return 1;
    }
    const answer = await person.ask(`${path} is there already. Overwrite it? [no] `);
    if (!/^y(es)?$/i.test(answer.trim())) {
      person.say("Nothing was written.");
      return 1;
    }
  }
  for (const [path, text] of texts) await world.write(path, text, secret.has(path));
  for (const warning of checked.right.warnings) person.say(warning);
  world.print(renderSettings(checked.right.broker, checked.right.webHook));
  const files = `--config ${config} --web-hook ${webHook}`;
  world.print(
    `\nWritten: ${
      [...texts.keys()].map((path) => path + (secret.has(path) ? " (mode 0600)" : "")).join(", ")
    }` +
      `\nTry the URLs:  deno task start ${files} --check --try` +
      `\nStart:         deno task start ${files}`,
  );
  return 0;
};

/** A file's table after its check; none where there is no such file. */
const taken = <E, R>(
  file: string | undefined,
  load: (file: string) => Effect.Effect<{ readonly warnings: ReadonlyArray<string> }, E, R>,
) =>
  file === undefined ? Effect.succeed({ table: undefined, warnings: [] }) : Effect.zipWith(
    load(file),
    readToml(file),
    ({ warnings }, { table }) => ({ table, warnings }),
  );

const fileText = <A, I, R>(
  person: Person,
  schema: Schema.Schema<A, I, R>,
  values: TomlTable,
  from: string | undefined,
  what: string,
  page: string,
): string => {
  const origin = from === undefined ? "" : `, from ${JSON.stringify(from)}`;
  const { text, leftOut } = commentedToml(configTables(schema), values, [
    `The ${what} settings, made by deno task init${origin}.`,
    `What is not here has its default; all keys: ${page}.`,
    "",
  ]);
  if (leftOut.length > 0) {
    person.say(`${from}: left out, this broker does not have them: ${leftOut.join(", ")}`);
  }
  return text;
};

const refused = (person: Person, error: ConfigError): number => {
  person.say(error.message);
  person.say("Nothing was written.");
  return EX_CONFIG;
};

/** Headers and what else stands in `[[endpoint]]`; user, password or query in a URL. */
const holdsSecret = (file: TomlTable, urls: Iterable<string>): boolean =>
  Array.isArray(file.endpoint) ||
  [...urls].some((url) => {
    const { username, password, search } = new URL(url);
    return username + password + search !== "";
  });
