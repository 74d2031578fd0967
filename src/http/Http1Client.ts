/**
 * The `@effect/platform` HttpClient over `ConnectionPool`. Deliveries take the pools without it
 * (`PoolSender`): a worker must never load @effect/platform for them.
 *
 * For webhooks: bodies are in memory on both sides, a response is there as a whole or not at all,
 * redirects are not followed, proxies are not known, and no span is opened (the delivery engine has
 * its own measures). Everything else is `FetchHttpClient`'s.
 */
import * as HttpClient from "@effect/platform/HttpClient";
import * as HttpClientError from "@effect/platform/HttpClientError";
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as UrlParams from "@effect/platform/UrlParams";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import type { ConnectionPool, PoolOptions } from "./ConnectionPool.ts";
import * as ConnectionPools from "./ConnectionPools.ts";
import { wholeBody } from "./RequestWriter.ts";
import { Http1Response } from "./Http1Response.ts";
import { makeRequestHead, type RequestHead, type RequestHeaders } from "./RequestWriter.ts";
import type { TransportError } from "./TransportError.ts";

/**
 * Milliseconds from sending a request to having its whole response, connecting included; default 8 s.
 * `Effect.provideService(RequestTimeout, 500)` around the request sets it.
 */
export class RequestTimeout
  extends Context.Reference<RequestTimeout>()("hookline/http/RequestTimeout", {
    defaultValue: () => 8000,
  }) {}

/** For every origin alike; see `PoolOptions`. */
export type Http1ClientOptions = PoolOptions;

/**
 * A client whose connections live until the scope closes.
 *
 * Failures are `RequestError`s: `Transport` with a `TransportError` as cause and its message as
 * description, `InvalidUrl`, or `Encode` for a request that this client cannot write.
 */
export const make = (
  options: Http1ClientOptions = {},
): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.map(ConnectionPools.make(options), (pools) => {
    const targets = new Targets(pools);
    // `HttpClient.makeWith`, because `HttpClient.make` costs an AbortController, an entry in a
    // FinalizationRegistry and a parsed URL per request (figures: bench/micro/transport.bench.ts).
    return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
      (request) => Effect.flatMap(request, (request) => execute(targets, request)),
      Effect.succeed,
    );
  });

/** The client as the context's HttpClient. */
export const layer = (options: Http1ClientOptions = {}): Layer.Layer<HttpClient.HttpClient> =>
  Layer.scoped(HttpClient.HttpClient, make(options));

const execute = (
  targets: Targets,
  request: HttpClientRequest.HttpClientRequest,
): Effect.Effect<Http1Response, HttpClientError.RequestError> =>
  Effect.withFiberRuntime((fiber) => {
    const target = targets.of(request);
    if (target._tag === "Left") return Effect.fail(target.left);
    const body = bodyOf(request);
    if (body._tag === "Left") return Effect.fail(body.left);
    const { pool, head, headers } = target.right;
    const timeout = Context.get(fiber.currentContext, RequestTimeout);
    return Effect.async((resume) => {
      const exchange = pool.send(
        { head, headers, body: body.right && wholeBody(body.right), timeout, keepBody: true },
        (result) =>
          resume(
            result._tag === "Response"
              ? Effect.succeed(new Http1Response(request, result))
              : Effect.fail(requestError(request, result)),
          ),
      );
      return Effect.sync(() => exchange.abort());
    });
  });

/** Where a request goes, and what its head is made of. */
interface Way {
  readonly pool: ConnectionPool;
  readonly head: RequestHead;
  /** The headers that are not in `head`. */
  readonly headers: RequestHeaders;
}

interface Target {
  readonly url: URL;
  readonly pool: ConnectionPool;
  /** By method. */
  readonly heads: Map<string, RequestHead>;
}

/** The URLs that requests went to: what a request needs of its URL is worked out once. */
class Targets {
  readonly #pools: ConnectionPools.ConnectionPools;
  readonly #targets = new Map<string, Target>();

  constructor(pools: ConnectionPools.ConnectionPools) {
    this.#pools = pools;
  }

  of(
    request: HttpClientRequest.HttpClientRequest,
  ): Either.Either<Way, HttpClientError.RequestError> {
    const target = this.#target(request);
    if ("_tag" in target) return Either.left(target);
    const { url, pool, heads } = target;
    const { headers, method } = request;
    let head = heads.get(method);
    if (head === undefined) {
      const made = makeRequestHead(method, url);
      if (made._tag === "Left") return Either.left(requestError(request, made.left));
      head = made.right;
      heads.set(method, head);
    }
    // Rare: the request's own header takes the place of what the URL says.
    if (
      headers["host"] !== undefined ||
      (headers["authorization"] !== undefined && head.names.has("authorization"))
    ) {
      const made = makeRequestHead(method, url, headers);
      if (made._tag === "Left") return Either.left(requestError(request, made.left));
      return Either.right({ pool, head: made.right, headers: {} });
    }
    return Either.right({ pool, head, headers });
  }

  #target(
    request: HttpClientRequest.HttpClientRequest,
  ): Target | HttpClientError.RequestError {
    const known = cacheable(request) ? this.#targets.get(request.url) : undefined;
    return known ?? this.#parse(request);
  }

  #parse(request: HttpClientRequest.HttpClientRequest): Target | HttpClientError.RequestError {
    const made = UrlParams.makeUrl(request.url, request.urlParams, request.hash);
    if (made._tag === "Left") {
      return new HttpClientError.RequestError({ request, reason: "InvalidUrl", cause: made.left });
    }
    const url = made.right;
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      const description = `cannot send to ${url.protocol} URLs`;
      return new HttpClientError.RequestError({ request, reason: "InvalidUrl", description });
    }
    const target: Target = { url, pool: this.#pools.of(url), heads: new Map() };
    // Webhooks have few URLs; a caller that makes up new ones all the time must not fill the memory.
    if (this.#targets.size >= MAX_TARGETS) this.#targets.clear();
    if (cacheable(request)) this.#targets.set(request.url, target);
    return target;
  }
}

/** Whether `url` alone says where the request goes. */
const cacheable = (request: HttpClientRequest.HttpClientRequest): boolean =>
  request.urlParams.length === 0 && request.hash._tag === "None";

/** The request's body, if it is in memory. */
const bodyOf = (
  request: HttpClientRequest.HttpClientRequest,
): Either.Either<Uint8Array | undefined, HttpClientError.RequestError> => {
  const { body } = request;
  switch (body._tag) {
    case "Empty":
      return Either.right(undefined);
    case "Uint8Array":
      return Either.right(body.body);
    case "Raw":
      if (body.body instanceof Uint8Array) return Either.right(body.body);
      if (typeof body.body === "string") return Either.right(new TextEncoder().encode(body.body));
  }
  return Either.left(
    new HttpClientError.RequestError({
      request,
      reason: "Encode",
      description: "this client sends bodies of bytes or text; for others use FetchHttpClient",
    }),
  );
};

const requestError = (
  request: HttpClientRequest.HttpClientRequest,
  error: TransportError,
): HttpClientError.RequestError =>
  new HttpClientError.RequestError({
    request,
    reason: error.fault === "invalid_request" ? "Encode" : "Transport",
    description: error.message,
    cause: error,
  });

const MAX_TARGETS = 1000;
