import * as HttpApp from "@effect/platform/HttpApp";
import * as HttpServerResponse from "@effect/platform/HttpServerResponse";
import * as Effect from "effect/Effect";
import type { Page } from "./page.ts";

/** Has the answer say where the next page is. RFC 8288 */
export const linked = <Row>({ rows, next }: Page<Row>): Effect.Effect<ReadonlyArray<Row>> => {
  if (next === undefined) return Effect.succeed(rows);
  return Effect.as(
    HttpApp.appendPreResponseHandler((request, response) => {
      const url = new URL(request.url, "http://localhost");
      url.searchParams.set("after", next);
      const link = `<${url.pathname}${url.search}>; rel="next"`;
      return Effect.succeed(HttpServerResponse.setHeader(response, "link", link));
    }),
    rows,
  );
};
