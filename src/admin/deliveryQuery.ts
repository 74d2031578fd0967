/** Which deliveries a query asks for, and how they are shown. */
import type { HookEventName } from "../domain/HookEvent.ts";
import { hookEventNames } from "../domain/HookEvent.ts";
import { isTopicFilter } from "../domain/TopicFilter.ts";
import type { DeliveryFilter } from "../webhook/tap/DeliveryFilter.ts";
import type { DeliveryOutcome, DeliveryRecord } from "../webhook/tap/DeliveryRecord.ts";
import { MOST_PAYLOAD, OUTCOMES } from "../webhook/tap/DeliveryRecord.ts";
import type { DeliveryTap } from "../webhook/tap/DeliveryTap.ts";
import type { Slot } from "../webhook/tap/Slot.ts";
import { CUT } from "../webhook/tap/textsOf.ts";
import { problemResponse } from "./Problem.ts";

/** How payloads are shown. */
export interface PayloadView {
  readonly form: "text" | "base64";
  /** Whether what is sent to a URL, by its name, has a payload as it is: as text, or as JSON. */
  readonly isPlain: (url: string) => boolean;
}

export interface DeliveryQuery {
  readonly filter: DeliveryFilter;
  /** Undefined: the query says nothing of it. */
  readonly limit: number | undefined;
  /** Undefined: they are not shown. */
  readonly payload: PayloadView | undefined;
}

/** What a query is read against. */
export interface QueryContext {
  /** As log and metrics have it, by a URL or what stands for it; undefined: it is none of ours. */
  readonly urlOf: (url: string) => string | undefined;
  /** Whether payloads may be seen. */
  readonly payloads: boolean;
  readonly isPlain: PayloadView["isPlain"];
}

/** The query of a URL; a Response: what is wrong with it. */
export const deliveryQuery = (
  params: URLSearchParams,
  { urlOf, payloads, isPlain }: QueryContext,
): DeliveryQuery | Response => {
  const given = (name: string) => params.get(name) ?? undefined;
  const event = given("event");
  if (event !== undefined && !isEvent(event)) {
    return wrong("event", `one of ${hookEventNames.join(", ")}`, event);
  }
  const outcome = given("outcome");
  const outcomes = outcome?.split(",");
  if (outcomes !== undefined && !outcomes.every(isOutcome)) {
    return wrong("outcome", `some of ${OUTCOMES.join(", ")}, separated by commas`, outcome);
  }
  const limit = given("limit");
  if (limit !== undefined && !/^[1-9]\d{0,8}$/.test(limit)) {
    return wrong("limit", "a whole number from 1 on", limit);
  }
  const payload = given("payload");
  if (payload !== undefined && payload !== "text" && payload !== "base64") {
    return wrong("payload", "text or base64", payload);
  }
  if (payload !== undefined && !payloads) {
    return problemResponse(403, "payloads are shown with payloads = true in [http_api] alone");
  }
  const topic = given("topic");
  if (topic !== undefined && !isTopicFilter(topic)) {
    return wrong("topic", "a topic filter", topic);
  }
  const asked = given("url");
  const url = asked === undefined ? undefined : urlOf(asked);
  if (asked !== undefined && url === undefined) {
    return problemResponse(422, `url: no rule has sent anything to ${JSON.stringify(asked)}`);
  }
  const clientid = given("clientid");
  const likeClientid = given("_like_clientid");
  return {
    filter: {
      ...(event === undefined ? {} : { event }),
      ...(url === undefined ? {} : { url }),
      ...(outcomes === undefined ? {} : { outcomes: new Set(outcomes) }),
      ...(clientid === undefined ? {} : { clientid }),
      ...(likeClientid === undefined ? {} : { likeClientid }),
      ...(topic === undefined ? {} : { topic }),
    },
    limit: limit === undefined ? undefined : Number(limit),
    payload: payload && { form: payload, isPlain },
  };
};

const isEvent = (text: string): text is HookEventName =>
  (hookEventNames as ReadonlyArray<string>).includes(text);

const isOutcome = (text: string): text is DeliveryOutcome =>
  (OUTCOMES as ReadonlyArray<string>).includes(text);

const wrong = (name: string, expected: string, found: string | undefined): Response =>
  problemResponse(422, `${name}: expected ${expected}, found ${JSON.stringify(found)}`);

/** A delivery as it is shown. `payload_cut`: there is more of it. */
export interface ShownDelivery extends DeliveryRecord {
  readonly payload?: string | null;
  readonly payload_cut?: boolean;
}

export const shown = (
  tap: DeliveryTap,
  slot: Slot,
  view: PayloadView | undefined,
): ShownDelivery => {
  const record = tap.record(slot);
  if (view === undefined) return record;
  const { payload } = slot;
  if (payload === undefined) return { ...record, payload: null };
  const isCut = payload.length > MOST_PAYLOAD && payload.endsWith(CUT);
  const text = isCut ? payload.slice(0, -CUT.length) : payload;
  const isPlain = slot.payloadEncoding !== "base64" && view.isPlain(slot.url);
  return { ...record, payload: inForm(text, isPlain, view.form, isCut), payload_cut: isCut };
};

/** It never throws: a reload may have changed what a URL is sent, and this is told while deliveries end. */
const inForm = (text: string, isPlain: boolean, form: PayloadView["form"], isCut: boolean) => {
  const bytes = isPlain ? undefined : bytesOf(text);
  if (bytes === undefined) {
    return form === "text" ? text : new TextEncoder().encode(text).toBase64();
  }
  if (form === "base64") return text;
  // What is no UTF-8 is replaced; of a character that was cut in two nothing is there.
  return new TextDecoder().decode(bytes, { stream: isCut });
};

/** Undefined: it is no base64. */
const bytesOf = (base64: string): Uint8Array | undefined => {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    return undefined;
  }
};
