/**
 * The admin API: its routes, and what they take and answer. RMQTT's paths and fields where it has them. What
 * does not fit a Schema (streams, metrics, the page) is AdminServer's own.
 */
import * as HttpApi from "@effect/platform/HttpApi";
import * as HttpApiEndpoint from "@effect/platform/HttpApiEndpoint";
import * as HttpApiGroup from "@effect/platform/HttpApiGroup";
import * as OpenApi from "@effect/platform/OpenApi";
import * as Schema from "@effect/schema";
import { hookEventNames } from "../domain/HookEvent.ts";
import { VERSION } from "../domain/version.ts";
import { BREAKER_WORDS } from "../webhook/account/Metrics.ts";
import { completed } from "./completed.ts";
import { after, flag, limit, optional } from "./fields.ts";
import { lettersGroup } from "./lettersApi.ts";
import { Problem } from "./Problem.ts";
import { webHookGroup } from "./webHookApi.ts";

/** A subscription's place: its session's number, and which of that one's it is. */
const PLACE = /^\d{1,15}:\d{1,15}$/;

const clientid = Schema.Struct({ clientid: Schema.String });

/** A session, and the client that it has or had. Times are milliseconds since 1970; 0: never. */
export const ClientRow = Schema.Struct({
  node_id: Schema.Int,
  clientid: Schema.String,
  username: Schema.String,
  superuser: Schema.Boolean,
  proto_ver: Schema.Int.annotations({ description: "0 of a client that is away since a restart." }),
  ip_address: Schema.String,
  port: Schema.Int,
  listener: Schema.String,
  connected: Schema.Boolean,
  connected_at: Schema.Int,
  disconnected_at: Schema.Int,
  disconnected_reason: Schema.String,
  keepalive: Schema.Int,
  clean_start: Schema.Boolean,
  session_present: Schema.Boolean,
  expiry_interval: Schema.Number.annotations({ description: "Seconds; -1: it never expires." }),
  created_at: Schema.Int,
  subscriptions_cnt: Schema.Int,
  max_subscriptions: Schema.Int,
  inflight: Schema.Int,
  max_inflight: Schema.Int,
  mqueue_len: Schema.Int,
  max_mqueue: Schema.Int,
}).annotations({ identifier: "Client" });
export type ClientRow = typeof ClientRow.Type;

export const SubscriptionRow = Schema.Struct({
  node_id: Schema.Int,
  clientid: Schema.String,
  client_addr: Schema.String,
  topic: Schema.String.annotations({ description: "The filter, without its share." }),
  opts: Schema.Struct({ qos: Schema.Int, share: optional(Schema.String) }),
}).annotations({ identifier: "Subscription" });
export type SubscriptionRow = typeof SubscriptionRow.Type;

export const RetainedRow = Schema.Struct({
  topic: Schema.String,
  qos: Schema.Int,
  bytes: Schema.Int,
  from_clientid: Schema.String,
  published_at: Schema.Int,
}).annotations({ identifier: "Retained" });
export type RetainedRow = typeof RetainedRow.Type;

export const PublishBody = Schema.Struct({
  topic: optional(Schema.String.annotations({ description: "One topic." })),
  topics: optional(
    Schema.String.annotations({ description: "Several, separated by commas." }),
  ),
  clientid: optional(
    Schema.String.annotations({ description: "Whose message it is, as events say it; system." }),
  ),
  payload: Schema.String,
  encoding: optional(
    Schema.Literal("plain", "base64").annotations({ description: "Of payload; plain." }),
  ),
  qos: optional(Schema.Literal(0, 1, 2)),
  retain: optional(Schema.Boolean),
  properties: optional(
    Schema.Struct({
      message_expiry_interval: optional(Schema.Int.pipe(Schema.between(0, 2 ** 32 - 1))),
    }),
  ),
}).annotations({ identifier: "Publish" });
export type PublishBody = typeof PublishBody.Type;

const counts = {
  matched: Schema.Int,
  delivered: Schema.Int,
  failed: Schema.Record({ key: Schema.String, value: Schema.Int }),
  dropped: Schema.Record({ key: Schema.String, value: Schema.Int }),
  queued: Schema.Int,
  in_flight: Schema.Int,
  kept: Schema.Int,
};

export const EndpointRow = Schema.Struct({
  url: Schema.String.annotations({ description: "As log and metrics have it." }),
  state: Schema.Literal(...BREAKER_WORDS),
  since_ms: Schema.Number.annotations({ description: "For how long it has been in that state." }),
  ...counts,
  attempts: Schema.Int,
  oldest_ms: Schema.Number.annotations({
    description:
      "How long the oldest has waited that is not at its end, to the second; 0: none does.",
  }),
  rate: Schema.Struct({ delivered: Schema.Number, failed: Schema.Number }).annotations({
    description: "Events per second, of the last ten seconds; dropped ones count as failed.",
  }),
  latency_ms: Schema.Struct({
    p50: Schema.NullOr(Schema.Number),
    p99: Schema.NullOr(Schema.Number),
  }).annotations({
    description:
      "From sending a request to the end of its answer, of the last minute; null: there was none.",
  }),
  last_success_at: Schema.NullOr(Schema.Int).annotations({
    description: "When an event was delivered last, in milliseconds since 1970.",
  }),
  last_error: Schema.NullOr(
    Schema.Struct({
      at: Schema.Int,
      reason: Schema.String,
      status: Schema.NullOr(Schema.Int),
      detail: Schema.String,
    }),
  ).annotations({ description: "Of the attempt that failed last." }),
  events: Schema.Record({ key: Schema.String, value: Schema.Struct(counts) }),
}).annotations({ identifier: "Endpoint" });
export type EndpointRow = typeof EndpointRow.Type;

const called = Schema.String.annotations({
  description: "A URL of web-hook.toml, as the log has it.",
});

export const ProbeBody = Schema.Struct({
  url: called,
  event: optional(
    Schema.Literal(...hookEventNames).annotations({
      description: "Of which a sample is sent; where absent: the first that a rule sends there.",
    }),
  ),
}).annotations({ identifier: "ProbeBody" });

const Probe = Schema.Struct({
  status: Schema.NullOr(Schema.Int),
  ms: Schema.Int,
  error: Schema.NullOr(Schema.String),
}).annotations({ identifier: "Probe" });

const UrlBody = Schema.Struct({ url: called }).annotations({ identifier: "UrlBody" });

const UrlState = Schema.Struct({
  url: Schema.String,
  state: Schema.Literal(...BREAKER_WORDS),
}).annotations({ identifier: "UrlState" });

const clients = HttpApiGroup.make("clients")
  .add(
    HttpApiEndpoint.get("clients", "/clients").setUrlParams(Schema.Struct({
      _limit: limit,
      after: after(/^\d{1,15}$/),
      clientid: optional(Schema.String),
      username: optional(Schema.String),
      ip_address: optional(Schema.String),
      connected: flag,
      _like_clientid: optional(Schema.String),
      _like_username: optional(Schema.String),
    })).addSuccess(Schema.Array(ClientRow)),
  )
  .add(
    HttpApiEndpoint.get("client", "/clients/:clientid").setPath(clientid).addSuccess(ClientRow)
      .addError(Problem, { status: 404 }),
  )
  .add(
    HttpApiEndpoint.get("online", "/clients/:clientid/online").setPath(clientid)
      .addSuccess(Schema.Boolean),
  )
  .add(
    HttpApiEndpoint.del("kick", "/clients/:clientid").setPath(clientid).addSuccess(Schema.Boolean)
      .addError(Problem, { status: 404 }),
  )
  // "." and ".." are identifiers too, and no path can end in them (RFC 3986 section 5.2.4).
  .add(
    HttpApiEndpoint.del("kickCalled", "/clients").setUrlParams(clientid).addSuccess(Schema.Boolean)
      .addError(Problem, { status: 404 }),
  );

const subscriptions = HttpApiGroup.make("subscriptions")
  .add(
    HttpApiEndpoint.get("subscriptions", "/subscriptions").setUrlParams(Schema.Struct({
      _limit: limit,
      after: after(PLACE),
      clientid: optional(Schema.String),
      topic: optional(Schema.String),
      qos: optional(
        Schema.NumberFromString.pipe(Schema.int(), Schema.between(0, 2)),
      ),
      share: optional(Schema.String),
    })).addSuccess(Schema.Array(SubscriptionRow)),
  )
  .add(
    HttpApiEndpoint.get("subscriptionsOf", "/subscriptions/:clientid").setPath(clientid)
      .setUrlParams(Schema.Struct({ _limit: limit, after: after(PLACE) }))
      .addSuccess(Schema.Array(SubscriptionRow)),
  );

const messages = HttpApiGroup.make("messages")
  .add(
    HttpApiEndpoint.get("retains", "/retains").setUrlParams(Schema.Struct({
      _limit: limit,
      after: after(/^\d{1,15}$/),
      topic: optional(
        Schema.String.annotations({ description: "A topic filter; all where absent." }),
      ),
    })).addSuccess(Schema.Array(RetainedRow)).addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.del("deleteRetained", "/retains").setUrlParams(
      Schema.Struct({ topic: Schema.String }),
    ).addSuccess(Schema.Boolean).addError(Problem, { status: 404 }),
  )
  .add(
    HttpApiEndpoint.post("publish", "/mqtt/publish").setPayload(PublishBody)
      .addSuccess(Schema.Literal("ok")).addError(Problem, { status: 422 }),
  );

const delivery = HttpApiGroup.make("delivery")
  .add(HttpApiEndpoint.get("endpoints", "/endpoints").addSuccess(Schema.Array(EndpointRow)))
  .add(
    HttpApiEndpoint.post("probe", "/endpoints/probe").setPayload(ProbeBody).addSuccess(Probe)
      .addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.post("pause", "/endpoints/pause").setPayload(UrlBody).addSuccess(UrlState)
      .addError(Problem, { status: 409 }),
  )
  .add(
    HttpApiEndpoint.post("resume", "/endpoints/resume").setPayload(UrlBody).addSuccess(UrlState)
      .addError(Problem, { status: 409 }),
  );

export const Api = HttpApi.make("hookline")
  .add(clients)
  .add(subscriptions)
  .add(messages)
  .add(delivery)
  .add(webHookGroup)
  .add(lettersGroup)
  .prefix("/api/v1")
  .annotate(OpenApi.Title, "Hookline")
  .annotate(OpenApi.Version, VERSION)
  .annotate(OpenApi.Transform, completed);
