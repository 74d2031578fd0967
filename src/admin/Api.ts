/**
 * The admin API: its routes, and what they take and answer. RMQTT's paths and fields where it has them. What
 * does not fit a Schema (streams, metrics, the page) is AdminServer's own.
 */
import { HttpApi, HttpApiEndpoint, HttpApiGroup } from "@effect/platform";
import * as Schema from "@effect/schema";
import { hookEventNames } from "../domain/HookEvent.ts";
import { VERSION } from "../domain/version.ts";
import { Problem } from "./Problem.ts";

/** Rows of a page where nothing is asked for, and at most. */
export const PAGE_ROWS = 100;
export const MOST_ROWS = 1000;

const limit = Schema.optional(
  Schema.NumberFromString.pipe(Schema.int(), Schema.between(1, MOST_ROWS)).annotations({
    description: `Rows at most, 1 to ${MOST_ROWS}; ${PAGE_ROWS} where absent.`,
    jsonSchema: { type: "integer", minimum: 1, maximum: MOST_ROWS, default: PAGE_ROWS },
  }),
);

const flag = Schema.optional(
  Schema.BooleanFromString.annotations({ jsonSchema: { type: "boolean" } }),
);

/** Where the next page begins: as the `link` header of the one before has it. */
const after = Schema.optional(
  Schema.String.annotations({ description: "As the link header of the page before has it." }),
);

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
  opts: Schema.Struct({ qos: Schema.Int, share: Schema.optional(Schema.String) }),
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
  topic: Schema.optional(Schema.String.annotations({ description: "One topic." })),
  topics: Schema.optional(
    Schema.String.annotations({ description: "Several, separated by commas." }),
  ),
  clientid: Schema.optional(
    Schema.String.annotations({ description: "Whose message it is, as events say it; system." }),
  ),
  payload: Schema.String,
  encoding: Schema.optional(
    Schema.Literal("plain", "base64").annotations({ description: "Of payload; plain." }),
  ),
  qos: Schema.optional(Schema.Literal(0, 1, 2)),
  retain: Schema.optional(Schema.Boolean),
  properties: Schema.optional(
    Schema.Struct({
      message_expiry_interval: Schema.optional(Schema.Int.pipe(Schema.between(0, 2 ** 32 - 1))),
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
};

export const EndpointRow = Schema.Struct({
  url: Schema.String.annotations({ description: "Its name." }),
  state: Schema.Literal("closed", "open", "gone", "removed", "paused"),
  since_ms: Schema.Int.annotations({ description: "For so long it has been in this state." }),
  ...counts,
  attempts: Schema.Int,
  oldest_ms: Schema.Int.annotations({
    description: "For so long the oldest event has waited; 0: none does.",
  }),
  rate: Schema.Struct({ delivered: Schema.Number, failed: Schema.Number }).annotations({
    description: "Events per second, of the last ten seconds.",
  }),
  latency_ms: Schema.Struct({ p50: Schema.Number, p99: Schema.Number }).annotations({
    description: "Of requests that were answered, in the last minute.",
  }),
  last_success_at: Schema.NullOr(Schema.Int),
  last_error: Schema.NullOr(
    Schema.Struct({
      at: Schema.Int,
      reason: Schema.String,
      status: Schema.NullOr(Schema.Int),
      detail: Schema.String,
    }),
  ),
  events: Schema.Record({ key: Schema.String, value: Schema.Struct(counts) }),
}).annotations({ identifier: "Endpoint" });
export type EndpointRow = typeof EndpointRow.Type;

export const DeliveryRow = Schema.Struct({
  id: Schema.String.annotations({ description: "Its webhook-id." }),
  event: Schema.String,
  action: Schema.String,
  clientid: Schema.NullOr(Schema.String),
  topic: Schema.NullOr(Schema.String),
  url: Schema.String,
  seq: Schema.Int,
  attempts: Schema.Array(
    Schema.Struct({
      at: Schema.Int,
      status: Schema.NullOr(Schema.Int),
      ms: Schema.Int,
      error: Schema.NullOr(Schema.String),
    }),
  ),
  outcome: Schema.String,
  bytes: Schema.Int,
  payload: Schema.optional(Schema.String),
}).annotations({ identifier: "Delivery" });
export type DeliveryRow = typeof DeliveryRow.Type;

const target = Schema.Struct({
  url: Schema.String.annotations({ description: "A configured URL, or its name." }),
});

export const ProbeBody = Schema.extend(
  target,
  Schema.Struct({ event: Schema.optional(Schema.Literal(...hookEventNames)) }),
);

export const ProbeAnswer = Schema.Struct({
  status: Schema.NullOr(Schema.Int),
  ms: Schema.Int,
  error: Schema.NullOr(Schema.String),
}).annotations({ identifier: "Probe" });

export const ExplainBody = Schema.Struct({
  event: Schema.Literal(...hookEventNames),
  topic: Schema.optional(Schema.String),
});

export const Explanation = Schema.Struct({
  rule: Schema.Int.annotations({ description: "Its place among the event's rules, from 0 on." }),
  action: Schema.String,
  topics: Schema.Array(Schema.String),
  urls: Schema.Array(Schema.String),
  matches: Schema.Boolean,
  why: Schema.String,
}).annotations({ identifier: "Explanation" });

export const Reloaded = Schema.Struct({
  changed: Schema.Array(Schema.String),
  at_restart_only: Schema.Array(Schema.String),
}).annotations({ identifier: "Reloaded" });

const clients = HttpApiGroup.make("clients")
  .add(
    HttpApiEndpoint.get("clients", "/clients").setUrlParams(Schema.Struct({
      _limit: limit,
      after,
      clientid: Schema.optional(Schema.String),
      username: Schema.optional(Schema.String),
      ip_address: Schema.optional(Schema.String),
      connected: flag,
      _like_clientid: Schema.optional(Schema.String),
      _like_username: Schema.optional(Schema.String),
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
  );

const subscriptions = HttpApiGroup.make("subscriptions")
  .add(
    HttpApiEndpoint.get("subscriptions", "/subscriptions").setUrlParams(Schema.Struct({
      _limit: limit,
      after,
      clientid: Schema.optional(Schema.String),
      topic: Schema.optional(Schema.String),
      qos: Schema.optional(Schema.NumberFromString),
      share: Schema.optional(Schema.String),
    })).addSuccess(Schema.Array(SubscriptionRow)),
  )
  .add(
    HttpApiEndpoint.get("subscriptionsOf", "/subscriptions/:clientid").setPath(clientid)
      .addSuccess(Schema.Array(SubscriptionRow)),
  );

const messages = HttpApiGroup.make("messages")
  .add(
    HttpApiEndpoint.get("retains", "/retains").setUrlParams(Schema.Struct({
      _limit: limit,
      topic: Schema.optional(
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
    HttpApiEndpoint.get("deliveries", "/deliveries").setUrlParams(Schema.Struct({
      _limit: limit,
      limit,
      url: Schema.optional(Schema.String),
      event: Schema.optional(Schema.Literal(...hookEventNames)),
      clientid: Schema.optional(Schema.String),
      outcome: Schema.optional(Schema.String),
      payload: Schema.optional(Schema.Literal("text", "base64")),
    })).addSuccess(Schema.Array(DeliveryRow)).addError(Problem, { status: 403 }),
  )
  .add(
    HttpApiEndpoint.post("probe", "/endpoints/probe").setPayload(ProbeBody).addSuccess(ProbeAnswer)
      .addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.post("pause", "/endpoints/pause").setPayload(target).addSuccess(Schema.Boolean)
      .addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.post("resume", "/endpoints/resume").setPayload(target)
      .addSuccess(Schema.Boolean).addError(Problem, { status: 422 }),
  );

const webHook = HttpApiGroup.make("webHook")
  .add(HttpApiEndpoint.get("settings", "/web-hook").addSuccess(Schema.Unknown))
  .add(
    HttpApiEndpoint.post("reload", "/web-hook/reload").addSuccess(Reloaded)
      .addError(Problem, { status: 422 }),
  )
  .add(
    HttpApiEndpoint.post("explain", "/web-hook/explain").setPayload(ExplainBody)
      .addSuccess(Schema.Array(Explanation)).addError(Problem, { status: 422 }),
  );

export const Api = HttpApi.make("hookline")
  .add(clients)
  .add(subscriptions)
  .add(messages)
  .add(delivery)
  .add(webHook)
  .prefix("/api/v1");

export const API_VERSION = VERSION;
