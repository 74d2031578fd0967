/**
 * What the OpenAPI document that HttpApi makes does not know: the routes that AdminServer answers itself, the
 * token, what our problems look like, and which texts of a query are numbers.
 */

import { OUTCOMES } from "../webhook/tap/DeliveryRecord.ts";

/** A JSON object of the document. */
type Json = { [key: string]: unknown };

const PROBLEM = {
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** Kinds of query parameters that stand in a URL as text. */
const KINDS: Readonly<Record<string, Json>> = {
  _limit: { type: "integer", minimum: 1, default: 100 },
  qos: { type: "integer", enum: [0, 1, 2] },
  connected: { type: "boolean" },
  all: { type: "boolean" },
};

const answered = (summary: string, tag: string, type: string, schema: Json, also: Json = {}) => ({
  get: {
    summary,
    tags: [tag],
    parameters: [],
    responses: { 200: { description: "OK", content: { [type]: { schema } } }, ...also },
  },
});

const STATUS: Json = {
  type: "object",
  required: ["status"],
  properties: { status: { type: "string" } },
};

const READINESS: Json = {
  type: "object",
  required: ["status", "listeners", "workers_lost"],
  properties: {
    status: { enum: ["ok", "starting", "stopping", "degraded"] },
    listeners: {
      type: "array",
      items: {
        type: "object",
        required: ["name", "up"],
        properties: { name: { type: "string" }, up: { type: "boolean" } },
      },
    },
    workers_lost: { type: "integer" },
  },
};

/** An object of these members, each of which is there. */
const object = (properties: Json): Json => ({
  type: "object",
  required: Object.keys(properties),
  properties,
});

/** The same operation, which can be asked in these ways and may be asked wrongly. */
const withQuery = ({ get }: ReturnType<typeof answered>, parameters: ReadonlyArray<Json>) => {
  const responses = {
    ...get.responses,
    403: { ...PROBLEM, description: "Payloads are not shown" },
    422: { ...PROBLEM, description: "A value is none that this takes" },
  };
  return { get: { ...get, parameters, responses } };
};

const text = (name: string, description: string, schema: Json = { type: "string" }): Json => ({
  name,
  in: "query",
  required: false,
  description,
  schema,
});

/** What chooses among deliveries. */
const DELIVERY_PARAMETERS = [
  text("url", "A URL or its name."),
  text("event", "The event's name."),
  text("clientid", "Whose event it is: the recipient's where there is one, else the publisher's."),
  text("_like_clientid", "A part of it."),
  text("topic", "A topic filter."),
  text("outcome", `Some of ${OUTCOMES.join(", ")}, separated by commas.`),
  text("payload", "How payloads are shown; with payloads = true in [http_api] alone.", {
    enum: ["text", "base64"],
  }),
];

const nullable = (type: string): Json => ({ type: [type, "null"] });

const DELIVERY: Json = object({
  id: { type: "string", description: "The webhook-id." },
  at: { type: "integer", description: "When it ended, or failed first: milliseconds since 1970." },
  event: { type: "string" },
  action: { type: "string" },
  clientid: { type: "string" },
  topic: nullable("string"),
  url: { type: "string" },
  seq: { type: "integer", description: "The webhook-seq." },
  attempts: {
    type: "array",
    items: object({
      at: { type: "integer" },
      status: nullable("integer"),
      ms: nullable("number"),
      error: nullable("string"),
    }),
  },
  outcome: { enum: OUTCOMES },
  reason: nullable("string"),
  bytes: { type: "integer", description: "Of the body." },
});

const DELIVERIES = withQuery(
  answered("The last deliveries, the newest first", "delivery", "application/json", {
    type: "array",
    items: DELIVERY,
  }),
  [...DELIVERY_PARAMETERS, text("limit", "At most so many.", KINDS._limit)],
);

const STREAM = withQuery(
  answered(
    "Server-sent events: `snapshot` each second, `events` with deliveries up to four times a second",
    "delivery",
    "text/event-stream",
    { type: "string" },
    { 503: { ...PROBLEM, description: "There are as many streams as may be" } },
  ),
  DELIVERY_PARAMETERS,
);

const METRICS = answered("Metrics in Prometheus' text format", "health", "text/plain", {
  type: "string",
});

const OWN_PATHS: Json = {
  "/healthz": answered("Whether the process lives", "health", "application/json", STATUS),
  "/readyz": answered("Whether clients should come", "health", "application/json", READINESS, {
    503: {
      description: "Not now: it starts, stops, or as many events wait as may",
      content: { "application/json": { schema: READINESS } },
    },
  }),
  "/metrics": METRICS,
  "/api/v1/metrics/prometheus": METRICS,
  "/api/v1/deliveries": DELIVERIES,
  "/api/v1/events/stream": STREAM,
};

/** The document, complete. */
export const completed = (document: Json): Json => {
  const paths = document.paths as Record<string, Record<string, Json>>; // as HttpApi makes it
  for (const path of Object.values(paths)) for (const of of Object.values(path)) complete(of);
  const components = document.components as Json;
  const { HttpApiDecodeError: _decode, Issue: _issue, PropertyKey: _key, ...schemas } = components
    .schemas as Json;
  return {
    ...document,
    paths: { ...OWN_PATHS, ...paths },
    components: {
      ...components,
      schemas,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
    security: [{ token: [] }, {}],
    tags: [{ name: "health" }, ...document.tags as ReadonlyArray<unknown>],
  };
};

const complete = (operation: Json): void => {
  delete operation.security; // an empty one would say that the token counts for nothing
  for (const parameter of operation.parameters as ReadonlyArray<Json>) {
    const kind = KINDS[String(parameter.name)];
    if (kind !== undefined) parameter.schema = kind;
  }
  const responses = operation.responses as Record<string, Json>;
  for (const status of Object.keys(responses).filter((status) => status >= "400")) {
    responses[status] = { ...PROBLEM, description: responses[status]?.description };
  }
  responses[401] = { ...PROBLEM, description: "The token is missing or another" };
  responses[403] = { ...PROBLEM, description: "Without a token: another name, or another page" };
  if (operation.requestBody !== undefined) {
    responses[413] = { ...PROBLEM, description: "The body is too large" };
    responses[415] = { ...PROBLEM, description: "The body is no application/json" };
    responses[422] ??= { ...PROBLEM, description: "A value is none that this takes" };
  }
};
