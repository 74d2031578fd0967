/** /openapi.json, /schema/events.json and /docs. Loaded with the first request for one of them, Swagger with the first for its page: 12 MB. */
import * as HttpApi from "@effect/platform/HttpApi";
import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder";
import * as HttpServer from "@effect/platform/HttpServer";
import * as OpenApi from "@effect/platform/OpenApi";
import * as Context from "effect/Context";
import * as Layer from "effect/Layer";
import { Api } from "./Api.ts";

export { eventsSchema } from "./eventsSchema.ts";

/** The OpenAPI 3.1 document of all routes. */
export const openApi: OpenApi.OpenAPISpec = OpenApi.fromApi(Api);

let swagger: Promise<string> | undefined;

/** A page that shows it. All of it is in the page: nothing is asked of anybody else. */
export const page = async (): Promise<Response> => {
  swagger ??= loadSwagger();
  return new Response(await swagger, {
    headers: { "content-type": "text/html; charset=utf-8" },
  });
};

const loadSwagger = async (): Promise<string> => {
  const HttpApiSwagger = await import("@effect/platform/HttpApiSwagger");
  const api = Layer.succeed(HttpApi.Api, {
    api: Api as never, // for each Api there would be a type of its own; Swagger only reads it
    context: Context.empty(),
  });
  const { handler, dispose } = HttpApiBuilder.toWebHandler(
    Layer.mergeAll(
      Layer.provideMerge(HttpApiSwagger.layer({ path: "/docs" }), api),
      HttpServer.layerContext,
    ),
  );
  const answer = await handler(new Request("http://localhost/docs"));
  const html = await answer.text();
  await dispose();
  return html;
};
