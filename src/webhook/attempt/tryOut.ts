/**
 * `--check --try`, and what the API is asked for: a sample of an event to a URL, once, by the clients,
 * certificates and headers that deliveries have. It must never leave a line in a file, and a receiver can tell a sample by its header.
 */
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import type { Compat } from "../../domain/BodyForm.ts";
import type { HookEvent, HookEventName } from "../../domain/HookEvent.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";
import type { HookRule } from "../../domain/HookRule.ts";
import type { DetailedEvent } from "../../domain/RmqttBody.ts";
import { SAMPLE_EVENTS } from "../../domain/sampleEvents.ts";
import type { EndpointSettings, WebHookSettings } from "../../domain/WebHookSettings.ts";
import { BodySlabs } from "../body/BodySlab.ts";
import * as EventEncoder from "../body/EventEncoder.ts";
import { tryAppending } from "./appendFile.ts";
import type { Outcome } from "./Attempt.ts";
import { Batch } from "./Batch.ts";
import type { Delivery } from "./Delivery.ts";
import type { DeliveryError } from "./DeliveryError.ts";
import * as Fault from "./DeliveryError.ts";
import type { Sender } from "./Sender.ts";
import { targetOf } from "./Sender.ts";
import * as Senders from "./Senders.ts";

/** Says that a request is a sample: a receiver should answer it and do nothing else. */
const TEST_HEADER = ["webhook-test", Redacted.make("true")] as const;

/** URLs that are tried at a time. */
const AT_ONCE = 16;

/** What became of one URL's sample. */
export interface Trial {
  readonly isGood: boolean;
  /** For people, in one line. */
  readonly text: string;
}

/** What came of one sample. */
export interface Probe {
  /** Of the answer; null: there was none that could be read. */
  readonly status: number | null;
  readonly ms: number;
  /** For people, with what can be done about it; null: it was taken. */
  readonly error: string | null;
}

/** Tries one URL with a sample of this event, under the action of the first rule that sends it there. */
export const tryOne = (
  { httpClient, rules, compat }: WebHookSettings,
  endpoint: EndpointSettings,
  event: HookEventName,
): Effect.Effect<Probe> => {
  if (endpoint.url.startsWith("file:")) {
    return Effect.map(tryFile(endpoint), ({ isGood, text, ms }) => ({
      status: null,
      ms,
      error: isGood ? null : text,
    }));
  }
  const rule = rules.find(({ urls, ...of }) => of.event === event && urls.includes(endpoint.url));
  return Effect.scoped(Effect.gen(function* () {
    const senders = yield* Senders.make(httpClient, `test-${crypto.randomUUID()}-`);
    yield* senders.prepare(Senders.certificatesOf(endpoint));
    const sample = { event, action: rule?.action ?? event };
    const { outcome, status, ms } = yield* sent(
      endpoint,
      sample,
      0,
      senders.of(Senders.certificatesOf(endpoint)),
      compat,
    );
    const error = outcome._tag === "Delivered" ? null : said(outcome, status);
    return { status: status ?? null, ms, error };
  }));
};

/** Tries each URL, in the order of the settings. */
export const tryOut = (
  settings: WebHookSettings,
): Effect.Effect<ReadonlyArray<Trial>> =>
  Effect.scoped(Effect.gen(function* () {
    const senders = yield* Senders.make(settings.httpClient, `test-${crypto.randomUUID()}-`);
    const certificates = settings.endpoints.values().map(Senders.certificatesOf).toArray();
    yield* Effect.forEach(certificates, senders.prepare, { discard: true });
    const first = (url: string) => settings.rules.find((rule) => rule.urls.includes(url));
    return yield* Effect.forEach(settings.endpoints.values(), (endpoint, id) => {
      const shown = endpoint.name;
      const rule = first(endpoint.url);
      if (endpoint.url.startsWith("file:")) {
        return Effect.map(
          tryFile(endpoint),
          ({ isGood, text }) => ({ isGood, text: `${shown}: ${text}` }),
        );
      }
      // Every endpoint is one that a rule names.
      return rule === undefined ? Effect.die(`no rule for ${shown}`) : trySending(
        shown,
        endpoint,
        rule,
        id,
        senders.of(Senders.certificatesOf(endpoint)),
        settings.compat,
      );
    }, { concurrency: AT_ONCE });
  }));

const trySending = (
  shown: string,
  endpoint: EndpointSettings,
  rule: HookRule,
  id: number,
  sender: Sender,
  compat: Compat,
): Effect.Effect<Trial> =>
  Effect.map(sent(endpoint, rule, id, sender, compat), ({ outcome, status, ms }) => ({
    isGood: outcome._tag === "Delivered",
    text: `${shown}: ${said(outcome, status)} (${rule.event}, ${ms} ms)`,
  }));

/** Sends a sample, once. */
const sent = (
  endpoint: EndpointSettings,
  { event, action }: Pick<HookRule, "event" | "action">,
  id: number,
  sender: Sender,
  compat: Compat,
): Effect.Effect<{
  readonly outcome: Outcome;
  readonly status: number | undefined;
  readonly ms: number;
}> =>
  Effect.async((resume) => {
    const delivery: Delivery = {
      id,
      event: hookEventNames.indexOf(event),
      seq: 0,
      born: 0,
      lane: undefined,
      ...new BodySlabs().write(
        compat === "" ? SAMPLE_EVENTS[event] : detailed(SAMPLE_EVENTS[event]),
        EventEncoder.make(event, action, { payload: endpoint.payload, compat }),
      ),
      retry: undefined,
      dueAt: 0,
      schedule: undefined,
    };
    const { batch } = endpoint;
    const headers = [
      ...endpoint.headers.filter(([name]) => name.toLowerCase() !== TEST_HEADER[0]),
      TEST_HEADER,
    ];
    const send = sender.to({ ...targetOf(endpoint), headers });
    const start = performance.now();
    send(batch === undefined ? delivery : Batch.of(delivery, batch.form), (outcome, status) => {
      const ms = Math.round(performance.now() - start);
      resume(Effect.succeed({ outcome, status, ms }));
    });
  });

/** A sample with what RMQTT tells beside. */
const detailed = (event: HookEvent): DetailedEvent => ({
  ...event,
  time: Date.now(),
  ...("from_node" in event ? { from_type: "custom" as const } : {}),
});

const said = (outcome: Outcome, status: number | undefined): string => {
  if (outcome._tag === "Delivered") return `answered ${status}`;
  if (outcome._tag !== "Failed") return "was not sent"; // senders do not answer so
  const advice = adviceOf(outcome.error);
  return outcome.error.detail + (advice === undefined ? "" : `: ${advice}`);
};

/** What a person can do about it. */
const adviceOf = ({ reason, detail, gone }: DeliveryError): string | undefined => {
  if (gone) return "it wants no events at this URL any more";
  switch (reason) {
    case "status_401":
    case "status_403":
      return "does it want a header? See headers of [[endpoint]]";
    case "status_404":
      return "is the URL's path right?";
    case "status_3xx":
      return "redirects are not followed, write the URL that it leads to";
    case "tls":
      if (/UnknownIssuer/.test(detail)) {
        // Our own client has said so.
        return /ca_file/.test(detail)
          ? undefined
          : "its certificate's issuer is not trusted, name it as ca_file of [[endpoint]]";
      }
      if (/NotValidForName|altnames/.test(detail)) {
        return "its certificate is for another host name than the URL's";
      }
      if (/expired/i.test(detail)) return "its certificate has expired";
      return /corrupt message|InvalidContentType|wrong version/i.test(detail)
        ? "does it speak plain HTTP there? Then write http://"
        : undefined;
    case "malformed":
      return "what listens there does not speak HTTP/1.1; is it https://?";
    case "timeout":
      return "see http_timeout";
    default:
      return undefined;
  }
};

const tryFile = (
  { url }: EndpointSettings,
): Effect.Effect<Trial & { readonly ms: number }> =>
  Effect.suspend(() => {
    const start = performance.now();
    const ms = () => Math.round(performance.now() - start);
    return Effect.match(
      Effect.tryPromise({ try: () => tryAppending(new URL(url)), catch: Fault.fromFile }),
      {
        onSuccess: (found) => ({ isGood: true, text: `${found}; nothing was written`, ms: ms() }),
        onFailure: ({ detail }) => ({ isGood: false, text: detail, ms: ms() }),
      },
    );
  });
