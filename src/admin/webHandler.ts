/**
 * The routes of the HttpApi as one function from Request to Response: what is asked wrongly is answered by a
 * problem that says what is. Loaded with the first request for any of them.
 */
import * as HttpApi from "@effect/platform/HttpApi";
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as HttpServer from "@effect/platform/HttpServer";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type { Reloaded } from "../config/Reloaded.ts";
import type { Broker } from "../mqtt/Broker.ts";
import type { EndpointSnapshot } from "../webhook/account/Metrics.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { Api } from "./Api.ts";
import { clientsLive, messagesLive, subscriptionsLive } from "./brokerHandlers.ts";
import { deliveryLive } from "./deliveryHandlers.ts";
import { lettersLive } from "./lettersHandlers.ts";
import type { Problem } from "./Problem.ts";
import { PROBLEM_TYPE, problemResponse } from "./Problem.ts";
import type { RecentFigures } from "./Recent.ts";
import { webHookLive } from "./webHookHandlers.ts";

/** Bytes of a request's body. */
const LARGEST_BODY = 1024 * 1024;

export interface WebHandlerOptions {
  readonly broker: Broker;
  readonly webHook: WebHook;
  /** Reads both files again. */
  readonly reload: () => Promise<Reloaded>;
  /** How it goes at a URL of late. */
  readonly recent: (endpoint: EndpointSnapshot) => RecentFigures;
  /** Rows of one answer. */
  readonly mostRows: number;
  /** Whether payloads can be seen. */
  readonly payloads: boolean;
  /** Told of an exception that is a defect of ours. */
  readonly onDefect: (error: unknown) => void;
}

export type WebHandler = (request: Request) => Promise<Response>;

export const makeWebHandler = (
  { broker, webHook, reload, recent, mostRows, payloads, onDefect }: WebHandlerOptions,
): WebHandler => {
  const groups = Layer.mergeAll(
    clientsLive(broker, mostRows),
    subscriptionsLive(broker, mostRows),
    messagesLive(broker, mostRows),
    deliveryLive(webHook, recent),
    webHookLive(webHook.settings, reload),
    lettersLive(webHook, { mostRows, payloads }),
  );
  // What its layers hold is memory alone: it is never disposed of.
  const { handler } = HttpApiBuilder.toWebHandler(
    Layer.mergeAll(Layer.provide(HttpApiBuilder.api(Api), groups), HttpServer.layerContext),
    {
      middleware: (app) => Effect.tapDefect(app, (cause) => Effect.sync(() => onDefect(cause))),
    },
  );
  return async (request) => {
    const url = new URL(request.url);
    const { pathname } = url;
    if (!isDecodable(pathname)) return problemResponse(400, "the path is not UTF-8 behind its %");
    const allowed = methodsOf(pathname);
    if (allowed.length === 0) return problemResponse(404, `nothing is at ${pathname}`);
    const { method } = request;
    if (!allowed.includes(method)) return wrongMethod(pathname, allowed);
    const body = await bodyOf(request);
    if (body instanceof Response) return body;
    // Encoded throughout: the router takes two slashes for one, in a query too, and http:// has two.
    url.search = new URLSearchParams(url.searchParams).toString();
    // Anew: with the signal of Deno's own, which aborts after each answer, Deno warns on standard error.
    const answer = await handler(
      new Request(url, { method, headers: request.headers, body }),
    );
    return answer.status < 400 ? answer : await problemOf(answer, method);
  };
};

/** Which methods a path has, and that this one is none of them. */
export const wrongMethod = (pathname: string, allowed: ReadonlyArray<string>): Response =>
  problemResponse(405, `${pathname} takes ${allowed.join(", ")}`, { allow: allowed.join(", ") });

const isDecodable = (pathname: string): boolean => {
  try {
    decodeURIComponent(pathname);
    return true;
  } catch {
    return false;
  }
};

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
}

const ROUTES: ReadonlyArray<Route> = (() => {
  const routes: Array<Route> = [];
  HttpApi.reflect(Api, {
    onGroup: () => {},
    onEndpoint: ({ endpoint: { method, path } }) => {
      const pattern = new RegExp(`^${path.replace(/:\w+/g, "[^/]+")}$`);
      routes.push({ method, pattern });
    },
  });
  return routes;
})();

const methodsOf = (pathname: string): ReadonlyArray<string> => {
  const methods = ROUTES.filter(({ pattern }) => pattern.test(pathname)).map((r) => r.method);
  return methods.includes("GET") ? [...methods, "HEAD"] : methods;
};

/** The body, read and found to be JSON; null: there is none to be. A Response: what is wrong with it. */
const bodyOf = async (request: Request): Promise<Uint8Array<ArrayBuffer> | null | Response> => {
  if (request.method !== "POST") return null;
  const type = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase();
  const bytes = await bytesOf(request.body);
  if (type === "" && bytes?.length === 0) return null;
  if (type !== "application/json") {
    return problemResponse(415, "expected content-type: application/json");
  }
  if (bytes === undefined) {
    return problemResponse(413, `a body of at most ${LARGEST_BODY} bytes is taken`);
  }
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return problemResponse(400, "the body is not JSON");
  }
  return bytes;
};

/** Undefined: they are too many, and no more are read. */
const bytesOf = async (
  body: ReadableStream<Uint8Array> | null,
): Promise<Uint8Array<ArrayBuffer> | undefined> => {
  const chunks: Array<Uint8Array> = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    length += chunk.length;
    if (length > LARGEST_BODY) return undefined;
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
};

/**
 * An answer of HttpApi as a problem. It takes the status of one of ours from the first route that has any, and
 * what it answers of itself is about a malformed request, or a defect.
 */
const problemOf = async (answer: Response, method: string): Promise<Response> => {
  if (answer.headers.get("content-type")?.startsWith(PROBLEM_TYPE)) {
    const text = await answer.text();
    const { status } = JSON.parse(text) as Problem; // as its Schema has encoded it
    return new Response(text, { status, headers: { "content-type": PROBLEM_TYPE } });
  }
  if (answer.status !== 400) {
    return problemResponse(500, "a defect of the broker: its log says more");
  }
  const { issues } = await answer.json() as {
    readonly issues: ReadonlyArray<{ path: ReadonlyArray<string>; message: string }>;
  }; // HttpApiDecodeError
  const detail = issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`
  ).join("; ");
  return problemResponse(method === "POST" ? 422 : 400, detail);
};
