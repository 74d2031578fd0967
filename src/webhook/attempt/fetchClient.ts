/**
 * The platform's fetch as an @effect/platform HttpClient: `http_client = "fetch"`, for proxies and
 * everything that our own pool does not speak. It must follow no redirect, unpack nothing, and keep nothing
 * of a response's body.
 */
import * as FetchHttpClient from "@effect/platform/FetchHttpClient";
import * as HttpClient from "@effect/platform/HttpClient";
import * as Context from "effect/Context";
import * as Effect from "effect/Effect";
import * as Layer from "effect/Layer";
import type * as Scope from "effect/Scope";
import type { TlsOptions } from "../../http/Socket.ts";

/** Nothing in a response's body is of use; more than this is cut by closing the connection. */
const BODY_LIMIT_BYTES = 1024 * 1024;

const ACCEPT_ENCODING = "accept-encoding";

/**
 * A client with these certificates. Of its responses, `arrayBuffer` reads the body to
 * its end or its limit, and is empty: whoever asks must wait for it, for an unread body costs a connection.
 */
export const make = (
  { caCerts, identity }: TlsOptions,
): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.gen(function* () {
    const client = yield* Effect.acquireRelease(
      Effect.sync(() => Deno.createHttpClient({ caCerts: [...caCerts], ...identity })),
      (client) => Effect.sync(() => client.close()),
    );
    const read: typeof globalThis.fetch = async (input, init) => {
      const headers = new Headers(init?.headers);
      // Deno asks for gzip by itself, and then unpacks what comes: 200 KB became 200 MB. Where the header
      // is given, whatever it says, bodies are left as they are.
      if (!headers.has(ACCEPT_ENCODING)) headers.set(ACCEPT_ENCODING, "identity");
      const response = await fetch(input, { ...init, headers, redirect: "manual", client });
      response.arrayBuffer = () => drain(response);
      return response;
    };
    const context = yield* Layer.build(
      Layer.provide(FetchHttpClient.layer, Layer.succeed(FetchHttpClient.Fetch, read)),
    );
    return Context.get(context, HttpClient.HttpClient);
  });

const EMPTY = new ArrayBuffer(0);

const drain = async (response: Response): Promise<ArrayBuffer> => {
  const { body } = response;
  if (body === null) return EMPTY;
  // A length of something packed says nothing of what is read.
  const length = response.headers.has("content-encoding")
    ? Infinity
    : Number(response.headers.get("content-length") ?? Infinity);
  // At once where the length is known: a third of a reader's cost.
  if (length <= BODY_LIMIT_BYTES) {
    await Response.prototype.arrayBuffer.call(response);
    return EMPTY;
  }
  const reader = body.getReader();
  for (let bytes = 0; bytes <= BODY_LIMIT_BYTES;) {
    const { done, value } = await reader.read();
    if (done) return EMPTY;
    bytes += value.length;
  }
  await reader.cancel();
  return EMPTY;
};
