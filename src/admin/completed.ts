/**
 * What the OpenAPI document that HttpApi makes does not know: the routes that AdminServer answers itself, the
 * token, what our problems look like, and which texts of a query are numbers.
 */

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
