/** The API's answers about dead letters. */
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as Clock from "effect/Clock";
import * as Effect from "effect/Effect";
import { nameOf } from "../domain/endpointNames.ts";
import type { HookEventName } from "../domain/HookEvent.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import type { DamagedGroup, LetterBox } from "../webhook/outbox/LetterBox.ts";
import type { Letter, LetterFilter } from "../webhook/outbox/LetterFilter.ts";
import { clientsOf, parseMoment } from "../webhook/outbox/LetterFilter.ts";
import { Api } from "./Api.ts";
import { endpointCalled } from "./endpointCalled.ts";
import { PAGE_ROWS } from "./fields.ts";
import type { LetterRow } from "./lettersApi.ts";
import { linked } from "./linked.ts";
import type { Problem } from "./Problem.ts";
import { problem } from "./Problem.ts";

/**
 * @param box undefined: nothing of the process survives it
 * @param payloads whether they can be seen
 */
export const lettersLive = (
  { deadLetters: box, settings }: Pick<WebHook, "deadLetters" | "settings">,
  { mostRows, payloads }: { readonly mostRows: number; readonly payloads: boolean },
) => {
  const opened: Effect.Effect<LetterBox, Problem> = box === undefined
    ? Effect.fail(problem(409, "no dead letters are kept: see dead_letters of web-hook.toml"))
    : Effect.succeed(box);
  return HttpApiBuilder.group(Api, "dead-letters", (handlers) =>
    handlers
      .handle("letters", ({ urlParams: { _limit = PAGE_ROWS, after, ...filters } }) =>
        Effect.gen(function* () {
          const filter = yield* filterOf(filters, settings());
          const letters = yield* opened;
          const page = yield* orUnread(letters.page(filter, Math.min(_limit, mostRows), after));
          return yield* linked({
            rows: page.letters.map((letter) =>
              letterRow(letter, settings())
            ),
            next: page.next,
          });
        }))
      .handle("letter", ({ path: { id } }) =>
        Effect.gen(function* () {
          const letter = yield* orUnread((yield* opened).find(id));
          if (letter === undefined) {
            return yield* Effect.fail(
              problem(404, `no dead letter has the id ${JSON.stringify(id)}`),
            );
          }
          return { ...letterRow(letter, settings()), body: bodyOf(letter, payloads) };
        }))
      .handle("replay", ({ payload: { to, all, ...filters } }) =>
        Effect.gen(function* () {
          const letters = yield* opened;
          if (settings().outbox.kind === "memory") {
            return yield* Effect.fail(NOTHING_AGAIN);
          }
          const filter = yield* meantBy(filters, all, settings());
          const url = to === undefined ? to : (yield* endpointCalled(settings(), to)).url;
          return { replayed: yield* orUnread(letters.replay(filter, url)) };
        }))
      .handle("purge", ({ urlParams: { all, ...filters } }) =>
        Effect.gen(function* () {
          const letters = yield* opened;
          const filter = yield* meantBy(filters, all, settings());
          return { purged: yield* orUnread(letters.purge(filter)) };
        })));
};

const NOTHING_AGAIN = problem(409, 'nothing is sent again with outbox = "memory"');

/** A disk that fails is no defect. */
const orUnread = <A>(
  asked: Effect.Effect<A, { readonly message: string }>,
): Effect.Effect<A, Problem> =>
  Effect.mapError(asked, ({ message }) => problem(503, `the store does not answer: ${message}`));

interface Filters {
  readonly url?: string;
  readonly event?: HookEventName;
  readonly reason?: string;
  readonly clientid?: string;
  readonly since?: string;
  readonly until?: string;
  readonly id?: string;
}

const filterOf = (
  { url, event, reason, clientid, since, until, id }: Filters,
  { endpoints }: WebHookSettings,
): Effect.Effect<LetterFilter> =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    const moment = (text: string | undefined) =>
      text === undefined ? undefined : parseMoment(text, now);
    // One that no rule names any more has letters all the same.
    const named = url === undefined || endpoints.has(url)
      ? url
      : [...endpoints.values()].find(({ name }) => name === url)?.url ?? url;
    const times = { since: moment(since), until: moment(until) };
    return { url: named, event, reason, client: clientid, ...times, id };
  });

/** What changes something must say what it means. */
const meantBy = (
  filters: Filters,
  all: boolean | undefined,
  settings: WebHookSettings,
): Effect.Effect<LetterFilter, Problem> =>
  all === true || Object.values(filters).some((said) => said !== undefined)
    ? filterOf(filters, settings)
    : Effect.fail(problem(422, "expected a filter, or all = true, found neither"));

const letterRow = (of: Letter | DamagedGroup, settings: WebHookSettings): LetterRow => {
  if (!("id" in of)) {
    const { url, detail, at, bytes } = of;
    const unknown = { id: null, seq: null, event: null, clientid: null, born_at: null };
    return {
      ...unknown,
      url: nameOf(settings, url),
      reason: "damaged",
      detail,
      given_up_at: at,
      replay: false,
      bytes,
    };
  }
  const { id, seq, url, event, reason, detail, born, at, lane, replay, body } = of;
  const [client = null] = lane === undefined ? clientsOf(of) : [lane];
  return {
    id,
    seq,
    url: nameOf(settings, url),
    event,
    clientid: client === null ? null : String(client),
    reason,
    detail,
    born_at: born,
    given_up_at: at,
    replay,
    bytes: body.length,
  };
};

/** As it was sent, but for its payload where that is not to be seen; what is no JSON in base64. */
const bodyOf = ({ body }: Letter, payloads: boolean): unknown => {
  try {
    const { payload, ...others } = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(body),
    );
    return payload === undefined || !payloads ? others : { ...others, payload };
  } catch {
    return payloads ? body.toBase64() : null;
  }
};
