/**
 * `deno task dead-letters`: what could not be delivered, to be looked at, sent again, deleted or taken out.
 * Beside a broker that runs, or without one.
 */
import { displayUrl } from "../domain/displayUrl.ts";
import { parseArgs } from "node:util";
import type { Letter, LetterFilter } from "../webhook/outbox/LetterFilter.ts";
import { clientsOf, parseEvent, parseMoment } from "../webhook/outbox/LetterFilter.ts";
import { LetterFile, NoStore } from "./letters/LetterFile.ts";

const USAGE = `usage: deno task dead-letters COMMAND [FILTERS] [--dir DIR]

  list [--json]          one line per letter, then totals per URL and reason
  show ID [--json]       the body of one
  replay [--to URL]      send again what the filters mean, with the same webhook-id and webhook-seq
  purge [--yes]          delete what the filters mean; asks first
  export [--waiting]     everything as lines of JSON; --waiting: what is still to be delivered too

filters, of which all have to hold; replay and purge want one at least, or --all:
  --url URL, whole       --event NAME, as message_publish
  --reason REASON        --client ID
  --since T, --until T   given up since, before: 2026-01-31, 2026-01-31T12:00, or 90m, 2h, 7d ago
  --id ID                the webhook-id

  --dir DIR              the outbox_dir of web-hook.toml; data/outbox unless told otherwise`;

/** Exit statuses of BSD's sysexits.h. */
const EX_USAGE = 64;
const EX_NOINPUT = 66;

class UsageError extends Error {}

const OPTIONS = {
  dir: { type: "string", default: "data/outbox" },
  url: { type: "string" },
  event: { type: "string" },
  reason: { type: "string" },
  client: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  id: { type: "string" },
  to: { type: "string" },
  all: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
  waiting: { type: "boolean", default: false },
  yes: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

const parse = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
};

type Values = ReturnType<typeof parse>["values"];

const momentOf = (name: string, text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const moment = parseMoment(text, Date.now());
  if (moment !== undefined) return moment;
  throw new UsageError(`--${name}: expected a date, or how long ago (2h), found ${text}`);
};

const filterOf = (values: Values): LetterFilter => {
  const { url, reason, client, id } = values;
  const event = values.event === undefined ? undefined : parseEvent(values.event);
  if (values.event !== undefined && event === undefined) {
    throw new UsageError(`--event: expected an event's name, found ${values.event}`);
  }
  const since = momentOf("since", values.since);
  const until = momentOf("until", values.until);
  return { url, event, reason, client, id, since, until };
};

/** What changes something must say what it means. */
const meantOf = (values: Values): LetterFilter => {
  const filter = filterOf(values);
  if (values.all || Object.values(filter).some((said) => said !== undefined)) return filter;
  throw new UsageError("expected a filter, or --all, found neither");
};

const timeOf = (millis: number): string => new Date(millis).toISOString();

const textOf = (body: Uint8Array): string => new TextDecoder().decode(body);

/** A client's text must not reach the terminal raw: it may hold escape sequences. What is JSON stays JSON. */
const harmless = (text: string): string =>
  text.replace(
    /\p{C}/gu,
    (characters) =>
      characters.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join(""),
  );

const say = (line: string): void => console.log(harmless(line));

/** Everything of a letter; the body as JSON where it is JSON, else in base64. */
const jsonOf = (letter: Letter): string => {
  const { id, seq, url, event, reason, detail, lane, replay } = letter;
  const head = { id, seq, url: displayUrl(url), event, reason, detail, client: lane, replay };
  const times = { born: timeOf(letter.born), given_up: timeOf(letter.at) };
  try {
    return JSON.stringify({ ...head, ...times, body: JSON.parse(textOf(letter.body)) });
  } catch {
    return JSON.stringify({ ...head, ...times, body_base64: letter.body.toBase64() });
  }
};

const lineOf = (letter: Letter): string => {
  const client = letter.lane ?? clientsOf(letter).at(0) ?? "-";
  const detail = letter.detail === "" ? "" : ` (${letter.detail})`;
  const mark = letter.replay ? " [to be sent again]" : "";
  return `${letter.id}  ${timeOf(letter.at)}  ${letter.reason}  ${letter.event}  ${client}  ` +
    `${displayUrl(letter.url)}${detail}${mark}`;
};

const list = (file: LetterFile, filter: LetterFilter, json: boolean): void => {
  const totals = new Map<string, number>();
  for (const letter of file.letters(filter)) {
    say(json ? jsonOf(letter) : lineOf(letter));
    const key = `${displayUrl(letter.url)}  ${letter.reason}`;
    totals.set(key, (totals.get(key) ?? 0) + 1);
  }
  if (json) return exportDamaged(file, filter);
  for (const { url, at, detail, records } of file.damaged(filter)) {
    say(`-  ${timeOf(at)}  damaged  ${records.length} bytes  ${displayUrl(url)} (${detail})`);
    const key = `${displayUrl(url)}  damaged, in groups`;
    totals.set(key, (totals.get(key) ?? 0) + 1);
  }
  if (totals.size === 0) return console.log("no dead letters");
  console.log();
  for (const [key, count] of totals) say(`${count}  ${key}`);
};

const exportDamaged = (file: LetterFile, filter: LetterFilter): void => {
  for (const { url, reason, detail, at, records } of file.damaged(filter)) {
    const given_up = timeOf(at);
    const records_base64 = new Uint8Array(records).toBase64();
    say(JSON.stringify({ url: displayUrl(url), reason, detail, given_up, records_base64 }));
  }
};

/** Returns: the exit status. */
const show = (file: LetterFile, id: string | undefined, json: boolean): number => {
  if (id === undefined) throw new UsageError("show: expected an id, found none");
  for (const letter of file.letters({ id })) {
    say(json ? jsonOf(letter) : textOf(letter.body));
    return 0;
  }
  console.error(`no dead letter has the id ${id}`);
  return 1;
};

const purge = (file: LetterFile, filter: LetterFilter, isSure: boolean): number => {
  if (!isSure) {
    let count = 0;
    for (const _ of file.letters(filter)) count++;
    if (!confirmed(count)) {
      console.error("nothing was deleted (--yes deletes without asking)");
      return 1;
    }
  }
  console.log(`${file.purge(filter)} deleted`);
  return 0;
};

const confirmed = (count: number): boolean =>
  Deno.stdin.isTerminal() && confirm(`Delete ${count} dead letters for ever?`);

const replay = (file: LetterFile, filter: LetterFilter, to: string | undefined): void => {
  const count = file.replay(filter, to);
  console.log(`${count} to be sent again${to === undefined ? "" : ` to ${to}`}`);
};

/** Returns: the exit status. */
const perform = (args: ReadonlyArray<string>): number => {
  const { values, positionals } = parse(args);
  const [command, id, ...rest] = positionals;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const extra = command === "show" ? rest.at(0) : id;
  if (extra !== undefined) throw new UsageError(`expected one command, found also ${extra}`);
  const commands: Readonly<Record<string, (file: LetterFile) => number | void>> = {
    list: (file) => list(file, filterOf(values), values.json),
    show: (file) => show(file, id, values.json),
    replay: (file) => replay(file, meantOf(values), values.to),
    purge: (file) => purge(file, meantOf(values), values.yes),
    export: (file) => {
      list(file, filterOf(values), true);
      if (values.waiting) { for (const letter of file.waiting()) say(jsonOf(letter)); }
    },
  };
  const run = command === undefined ? undefined : commands[command];
  if (run === undefined) {
    throw new UsageError(
      `expected ${Object.keys(commands).join(", ")}, found ${command ?? "nothing"}`,
    );
  }
  const file = new LetterFile(values.dir);
  try {
    return run(file) ?? 0;
  } finally {
    file.close();
  }
};

if (import.meta.main) {
  try {
    Deno.exit(perform(Deno.args));
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`dead-letters: ${error.message}\n\n${USAGE}`);
      Deno.exit(EX_USAGE);
    }
    console.error(`dead-letters: ${error instanceof Error ? error.message : error}`);
    Deno.exit(error instanceof NoStore ? EX_NOINPUT : 1);
  }
}
