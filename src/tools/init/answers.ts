/** What `deno task init` asks, and the two files' tables that the answers make. */
import * as Either from "effect/Either";
import { hash } from "../../auth/PasswordHash.ts";
import { parseEndpointUrl } from "../../config/EndpointUrl.ts";
import { nearest } from "../../config/nearest.ts";
import type { TomlTable } from "../../config/readToml.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";
import type { Person } from "../Person.ts";
import { askPassword } from "../Person.ts";
import type { InitOptions } from "./InitOptions.ts";

/** Neither given nor to be asked for: nobody is there. */
export class Unanswered extends Error {}

/** An option that cannot be used. */
export class WrongOption extends Error {}

const DEFAULT_URL = "http://127.0.0.1:5656/mqtt/webhook";

/** Words for several events. */
const SETS: Readonly<Record<string, ReadonlyArray<string>>> = {
  all: hookEventNames,
  presence: ["client_connected", "client_disconnected"],
  messages: ["message_publish"],
};

/** The table of a new broker.toml. */
export const askBroker = async (options: InitOptions, person: Person): Promise<TomlTable> => {
  const tls = await askTls(options, person);
  const users = await askUsers(options, person);
  const door = users.length === 0 ? {} : { allow_anonymous: false };
  // Beside TLS, who needs none is on this machine.
  const plain = tls === undefined ? "0.0.0.0:1883" : "127.0.0.1:1883";
  return {
    listener: {
      tcp: { external: { addr: plain, ...door } },
      ...(tls === undefined ? {} : {
        tls: { external: { addr: "0.0.0.0:8883", ...tls, ...door } },
        wss: { external: { addr: "0.0.0.0:8443", ...tls, ...door } },
      }),
    },
    ...(users.length === 0 ? {} : { auth: { users } }),
  };
};

/** The table of a new web-hook.toml. */
export const askWebHook = async (options: InitOptions, person: Person): Promise<TomlTable> => {
  const urls = options.urls.length > 0
    ? options.urls.map((url) => optionOf("--url", url, parsedUrl))
    : [
      await answerOf(person, options, {
        option: "--url URL",
        question: `Where shall events go? A URL: http://, https:// or file:/// [${DEFAULT_URL}] `,
        byDefault: DEFAULT_URL,
        parse: parsedUrl,
      }),
    ];
  const events = options.events !== undefined
    ? optionOf("--events", options.events, parsedEvents)
    : await answerOf(person, options, {
      option: "--events LIST",
      question:
        "Which events? all; presence (clients that come and go); messages (that are published); " +
        "or names with commas between [all] ",
      byDefault: "all",
      parse: parsedEvents,
    });
  return { http_urls: urls, rule: Object.fromEntries(events.map((event) => [event, [{}]])) };
};

interface Question<A> {
  /** What answers it on the command line. */
  readonly option: string;
  readonly question: string;
  readonly byDefault: string;
  /** Left: what is wrong with it. */
  readonly parse: (answer: string) => Either.Either<A, string>;
}

const answerOf = async <A>(
  person: Person,
  { yes }: InitOptions,
  { option, question, byDefault, parse }: Question<A>,
): Promise<A> => {
  if (yes) return Either.getOrThrow(parse(byDefault));
  if (!person.isThere) throw new Unanswered(option);
  for (;;) {
    const answer = (await person.ask(question)).trim();
    const parsed = parse(answer === "" ? byDefault : answer);
    if (Either.isRight(parsed)) return parsed.right;
    person.say(parsed.left);
  }
};

const optionOf = <A>(
  option: string,
  value: string,
  parse: (value: string) => Either.Either<A, string>,
): A => Either.getOrThrowWith(parse(value), (wrong) => new WrongOption(`${option}: ${wrong}`));

const parsedUrl = (text: string): Either.Either<string, string> =>
  Either.mapLeft(
    parseEndpointUrl(text),
    (found) => `expected a URL that begins with http://, https:// or file:///, found ${found}`,
  );

const parsedEvents = (text: string): Either.Either<ReadonlyArray<string>, string> => {
  const words = text.split(",").map((word) => word.trim()).filter((word) => word !== "");
  const known = [...Object.keys(SETS), ...hookEventNames];
  const unknown = words.find((word) => !known.includes(word));
  if (unknown !== undefined || words.length === 0) {
    const near = nearest(unknown ?? "", known);
    return Either.left(
      `expected ${Object.keys(SETS).join(", ")} or names of events, found ${
        JSON.stringify(unknown ?? text)
      }` + (near === undefined
        ? `; there are ${hookEventNames.join(", ")}`
        : `; did you mean ${near}?`),
    );
  }
  const chosen = new Set(words.flatMap((word) => SETS[word] ?? [word]));
  return Either.right(hookEventNames.filter((name) => chosen.has(name)));
};

/** Undefined: no TLS. */
const askTls = async (options: InitOptions, person: Person): Promise<TomlTable | undefined> => {
  const { cert, key } = options;
  if (cert !== undefined && key !== undefined) return { cert, key };
  if (options.yes || !person.isThere) return undefined;
  const file = (await person.ask("TLS? The certificate's file, PEM [no TLS] ")).trim();
  if (file === "") return undefined;
  for (;;) {
    const keyFile = (await person.ask("Its private key's file, PEM: ")).trim();
    if (keyFile !== "") return { cert: file, key: keyFile };
  }
};

const askUsers = async (
  options: InitOptions,
  person: Person,
): Promise<ReadonlyArray<TomlTable>> => {
  const users: Array<TomlTable> = options.users.map((user) => optionOf("--user", user, parsedUser));
  if (users.length > 0 || options.yes || !person.isThere) return users;
  for (;;) {
    const another = users.length > 0;
    const username = (await person.ask(
      another ? "Another user's name [no more] " : "Users? A user's name [anybody may connect] ",
    )).trim();
    if (username === "") return users;
    if (users.some((user) => user.username === username)) {
      person.say("That user is there already.");
      continue;
    }
    users.push({ username, password: await hash(await askPassword(person, ` of ${username}`)) });
  }
};

const parsedUser = (text: string): Either.Either<TomlTable, string> => {
  const [, username, password] = /^(.+?)=(env:[^=\0]+)$/.exec(text) ?? [];
  return username === undefined
    // What stands there may be a password.
    ? Either.left("expected NAME=env:VARIABLE; a password itself is typed at the question only")
    : Either.right({ username, password });
};
