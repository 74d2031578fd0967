/** A response of the pool in the shape of `@effect/platform`. Its body is in memory, so reading it only fails when it was cut. */
import * as Cookies from "@effect/platform/Cookies";
import * as Headers from "@effect/platform/Headers";
import * as HttpClientError from "@effect/platform/HttpClientError";
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest";
import * as HttpClientResponse from "@effect/platform/HttpClientResponse";
import * as HttpIncomingMessage from "@effect/platform/HttpIncomingMessage";
import * as UrlParams from "@effect/platform/UrlParams";
import * as Effect from "effect/Effect";
import * as Inspectable from "effect/Inspectable";
import * as Option from "effect/Option";
import * as Stream from "effect/Stream";
import type { TransportResponse } from "./Exchange.ts";

export class Http1Response extends Inspectable.Class
  implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId;
  readonly [HttpClientResponse.TypeId]: HttpClientResponse.TypeId = HttpClientResponse.TypeId;
  readonly request: HttpClientRequest.HttpClientRequest;
  readonly #response: TransportResponse;
  #headers: Headers.Headers | undefined;

  constructor(request: HttpClientRequest.HttpClientRequest, response: TransportResponse) {
    super();
    this.request = request;
    this.#response = response;
  }

  get status(): number {
    return this.#response.status;
  }

  /** Several fields of one name are joined by `", "`; for `set-cookie` see `cookies`. */
  get headers(): Headers.Headers {
    return this.#headers ??= Headers.fromInput(joined(this.#response.head.fields));
  }

  get cookies(): Cookies.Cookies {
    return Cookies.fromSetCookie(
      this.#response.head.fields.filter(([name]) => name === "set-cookie").map(([, value]) =>
        value
      ),
    );
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none();
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.ResponseError> {
    return Effect.map(this.#bytes, (bytes) => bytes.slice().buffer);
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.ResponseError> {
    return Stream.fromEffect(this.#bytes);
  }

  get text(): Effect.Effect<string, HttpClientError.ResponseError> {
    return Effect.map(this.#bytes, (bytes) => new TextDecoder().decode(bytes));
  }

  get json(): Effect.Effect<unknown, HttpClientError.ResponseError> {
    return Effect.tryMap(this.text, {
      try: (text): unknown => text === "" ? null : JSON.parse(text),
      catch: (cause) => this.#undecodable("the body is no JSON", cause),
    });
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.ResponseError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)));
  }

  get formData(): Effect.Effect<FormData, HttpClientError.ResponseError> {
    return Effect.flatMap(this.arrayBuffer, (body) =>
      Effect.tryPromise({
        try: () =>
          new Response(body, { headers: { "content-type": this.headers["content-type"] ?? "" } })
            .formData(),
        catch: (cause) => this.#undecodable("the body is no form", cause),
      }));
  }

  override toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "@effect/platform/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status,
    });
  }

  get #bytes(): Effect.Effect<Uint8Array, HttpClientError.ResponseError> {
    return this.#response.cut
      ? Effect.fail(this.#undecodable("the body is larger than the client's limit", undefined))
      : Effect.succeed(this.#response.body);
  }

  #undecodable(description: string, cause: unknown): HttpClientError.ResponseError {
    return new HttpClientError.ResponseError({
      request: this.request,
      response: this,
      reason: "Decode",
      description,
      cause,
    });
  }
}

const joined = (
  fields: ReadonlyArray<readonly [name: string, value: string]>,
): Map<string, string> => {
  const values = new Map<string, string>();
  for (const [name, value] of fields) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return values;
};
