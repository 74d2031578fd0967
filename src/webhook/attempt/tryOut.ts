/**
 * `--check --try`: a sample of an event to each URL, once, by the clients, certificates and headers that
 * deliveries have. It must never leave a line in a file, and a receiver can tell a sample by its header.
 */
import * as Effect from "effect/Effect";
import * as Redacted from "effect/Redacted";
import { displayUrl } from "../../domain/displayUrl.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";
import type { HookRule } from "../../domain/HookRule.ts";
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

/** Tries each URL, in the order of the settings. */
export const tryOut = (
  settings: WebHookSettings,
): Effect.Effect<ReadonlyArray<Trial>> =>
  Effect.scoped(Effect.gen(function* () {
    const senders = yield* Senders.make(settings.httpClient, `test-${crypto.randomUUID()}-`);
    const trusted = settings.endpoints.values().map(trustedBy).toArray();
    yield* Effect.forEach(trusted, senders.prepare, { discard: true });
    const first = (url: string) => settings.rules.find((rule) => rule.urls.includes(url));
    return yield* Effect.forEach(settings.endpoints.values(), (endpoint, id) => {
      const shown = displayUrl(endpoint.url);
      const rule = first(endpoint.url);
      if (endpoint.url.startsWith("file:")) return tryFile(shown, endpoint);
      // Every endpoint is one that a rule names.
      return rule === undefined ? Effect.die(`no rule for ${shown}`) : trySending(
        shown,
        endpoint,
        rule,
        id,
        senders.of(trustedBy(endpoint)),
      );
    }, { concurrency: AT_ONCE });
  }));

/** Certificates beside the system's, in PEM. */
const trustedBy = ({ ca }: EndpointSettings): string => ca?.pem ?? "";

const trySending = (
  shown: string,
  endpoint: EndpointSettings,
  { event, action }: HookRule,
  id: number,
  sender: ReturnType<Senders.Senders["of"]>,
): Effect.Effect<Trial> =>
  Effect.async((resume) => {
    const delivery: Delivery = {
      id,
      event: hookEventNames.indexOf(event),
      seq: 0,
      lane: undefined,
      ...new BodySlabs().write(SAMPLE_EVENTS[event], EventEncoder.make(event, action)),
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
      const text = `${shown}: ${said(outcome, status)} (${event}, ${ms} ms)`;
      resume(Effect.succeed({ isGood: outcome._tag === "Delivered", text }));
    });
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

const tryFile = (shown: string, { url }: EndpointSettings): Effect.Effect<Trial> =>
  Effect.tryPromise({ try: () => tryAppending(new URL(url)), catch: Fault.fromFile }).pipe(
    Effect.match({
      onSuccess: (found) => ({ isGood: true, text: `${shown}: ${found}; nothing was written` }),
      onFailure: ({ detail }) => ({ isGood: false, text: `${shown}: ${detail}` }),
    }),
  );
