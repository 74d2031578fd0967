/**
 * Who may ask: by token, and where there is none by names that a page elsewhere can't take. It must never say
 * more to a stranger than that he is one.
 */
import { Buffer } from "node:buffer";
import { createHash, timingSafeEqual } from "node:crypto";
import * as Redacted from "effect/Redacted";
import { problemResponse } from "./Problem.ts";

/** What the guard goes by. */
export interface GuardOptions {
  readonly token: Redacted.Redacted<string> | undefined;
  /** `/metrics` is for everybody. */
  readonly metricsOpen: boolean;
  /** There is a page, which is for everybody: it holds nothing. */
  readonly page: boolean;
}

/** Answers the refusal; undefined: it may go on. */
export type Guard = (request: Request, path: string) => Response | undefined;

const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** What everybody may ask for: whether the process lives. */
const OPEN = new Set(["/healthz"]);

/** The page and its files. */
export const PAGE = /^\/(page\/.*)?$/;

const METRICS = new Set(["/metrics", "/api/v1/metrics/prometheus"]);

export const makeGuard = ({ token, metricsOpen, page }: GuardOptions): Guard => {
  const wanted = token && digest(Redacted.value(token));
  return (request, path) => {
    if (wanted === undefined) return strangeName(request) ?? strangeOrigin(request);
    if (OPEN.has(path) || (metricsOpen && METRICS.has(path)) || (page && PAGE.test(path))) {
      return undefined;
    }
    const [, given = ""] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ??
      [];
    if (timingSafeEqual(digest(given), wanted)) return undefined;
    return problemResponse(401, "send the token of [http_api] as: authorization: Bearer TOKEN", {
      "www-authenticate": 'Bearer realm="hookline"',
    });
  };
};

/** Of one length whatever is given, so that comparing takes one time. */
const digest = (text: string): Buffer => createHash("sha256").update(text).digest();

/** A page whose name was made to mean this machine after it was loaded has its own name in Host still. */
const strangeName = (request: Request): Response | undefined => {
  const host = request.headers.get("host") ?? "";
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return LOOPBACK.has(name) ? undefined : problemResponse(
    403,
    "without a token only localhost, 127.0.0.1 and [::1] are names of this API",
  );
};

/** A page of another origin may send a form. */
const strangeOrigin = (request: Request): Response | undefined => {
  if (request.method === "GET" || request.method === "HEAD") return undefined;
  const origin = request.headers.get("origin");
  if (origin === null || origin === `http://${request.headers.get("host")}`) return undefined;
  return problemResponse(403, "without a token only pages of this API may change anything");
};
