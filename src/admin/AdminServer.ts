/**
 * The HTTP API as a scoped resource. It listens before anything else is there and until all else has ended, so
 * that a start and a stop can be watched. It is loaded where `[http_api]` has an address, the routes of the
 * HttpApi and Swagger with the first request for them.
 *
 * What does not fit HttpApi, or would cost more by it, is answered here.
 */
import * as Cause from "effect/Cause";
import * as Duration from "effect/Duration";
import * as Effect from "effect/Effect";
import * as Runtime from "effect/Runtime";
import type * as Scope from "effect/Scope";
import type { HttpApiSettings } from "../domain/BrokerSettings.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import type { Broker } from "../mqtt/Broker.ts";
import { formatAddress } from "../net/formatAddress.ts";
import { ListenError } from "../net/listen.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { makeGuard } from "./guard.ts";
import type { MetricsSource } from "./metricFamilies.ts";
import { metricFamilies } from "./metricFamilies.ts";
import { problemResponse } from "./Problem.ts";
import { CONTENT_TYPE, render } from "./prometheus.ts";
import { watchProcess } from "./ProcessFigures.ts";
import type { WebHandler } from "./webHandler.ts";

/** What the API tells of and changes. */
export interface Running {
  readonly broker: Broker;
  readonly webHook: WebHook;
}

type State =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Running"; readonly of: Running }
  | { readonly _tag: "Stopping"; readonly of: Running };

export interface AdminServer {
  /** All is there: from now on questions are answered. */
  readonly started: (of: Running) => void;
  /** The process ends: from now on nothing is changed, and it says that it is not ready. */
  readonly stopping: () => void;
}

/** How long answers that are under way may take when the server ends. */
const PATIENCE = Duration.seconds(1);

/** Listens until the scope closes. */
export const make = (
  settings: HttpApiSettings,
): Effect.Effect<AdminServer, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const runFork = Runtime.runFork(yield* Effect.runtime<never>());
    const process = yield* watchProcess;
    const onDefect = (error: unknown): void =>
      void runFork(
        Effect.logError("defect in the API", { module: "admin" }, Cause.die(error)),
      );
    const answers = new Answers(settings, process, onDefect);
    const guard = makeGuard(settings);
    const serve = async (request: Request): Promise<Response> => {
      try {
        const { pathname } = new URL(request.url);
        return guard(request, pathname) ?? await answers.to(request, pathname);
      } catch (error) {
        onDefect(error);
        return problemResponse(500, "a defect of the broker: its log says more");
      }
    };
    const { hostname, port } = settings;
    const server = yield* Effect.acquireRelease(
      Effect.try({
        try: () => Deno.serve({ hostname, port, onListen: () => {} }, serve),
        catch: (cause) =>
          new ListenError({ listener: "http_api", address: formatAddress(settings), cause }),
      }),
      (server) =>
        Effect.promise(() => server.shutdown()).pipe(
          Effect.interruptible,
          Effect.timeoutOption(PATIENCE),
        ),
    );
    const addr = formatAddress(server.addr);
    yield* Effect.logInfo("listening", { listener: "http_api", transport: "http", addr });
    return {
      started: (of) => void (answers.state = { _tag: "Running", of }),
      stopping: () => {
        const { state } = answers;
        if (state._tag === "Running") answers.state = { _tag: "Stopping", of: state.of };
      },
    };
  });

/** What is answered by path, for whoever may ask. */
class Answers {
  state: State = { _tag: "Starting" };
  readonly #settings: HttpApiSettings;
  readonly #process: MetricsSource["process"];
  readonly #onDefect: (error: unknown) => void;
  readonly #paths: ReadonlyMap<string, () => Response | Promise<Response>>;
  #web: Promise<WebHandler> | undefined;

  constructor(
    settings: HttpApiSettings,
    process: MetricsSource["process"],
    onDefect: (error: unknown) => void,
  ) {
    this.#settings = settings;
    this.#process = process;
    this.#onDefect = onDefect;
    this.#paths = new Map<string, () => Response | Promise<Response>>([
      ["/healthz", () => json(200, { status: "ok" })],
      ["/readyz", () => this.#readiness()],
      ["/metrics", () => this.#metrics()],
      ["/api/v1/metrics/prometheus", () => this.#metrics()],
      ["/openapi.json", () => documents().then((of) => json(200, of.openApi))],
      [
        "/schema/events.json",
        () => documents().then((of) => json(200, of.eventsSchema(this.#sent))),
      ],
      ["/docs", () => documents().then(({ page }) => page())],
    ]);
  }

  async to(request: Request, pathname: string): Promise<Response> {
    const own = this.#paths.get(pathname);
    if (own !== undefined) {
      if (request.method === "GET" || request.method === "HEAD") return await own();
      return problemResponse(405, `${pathname} takes GET, HEAD`, { allow: "GET, HEAD" });
    }
    if (!pathname.startsWith("/api/v1/")) {
      return problemResponse(404, `nothing is at ${pathname}; see /docs`);
    }
    switch (this.state._tag) {
      case "Starting":
        return problemResponse(503, "the broker is starting", { "retry-after": "1" });
      case "Stopping":
        return problemResponse(503, "the broker is stopping");
      case "Running":
        return await (await this.#webHandler(this.state.of))(request);
    }
  }

  #webHandler(of: Running): Promise<WebHandler> {
    const { mostRows } = this.#settings;
    const onDefect = this.#onDefect;
    return this.#web ??= import("./webHandler.ts")
      .then(({ makeWebHandler }) => makeWebHandler({ ...of, mostRows, onDefect }));
  }

  /** What decides about the bodies that are sent. */
  get #sent(): Partial<WebHookSettings> {
    return this.state._tag === "Starting" ? {} : this.state.of.webHook.settings();
  }

  /** 503: nothing should be sent here now. */
  #readiness(): Response {
    const { state } = this;
    if (state._tag === "Starting") {
      return json(503, { status: "starting", listeners: [], workers_lost: 0 });
    }
    const { broker, webHook } = state.of;
    const isUp = state._tag === "Running";
    // Then nobody comes in, and who is in waits.
    const isFull = webHook.sink.pressure === "full";
    return json(isUp && !isFull ? 200 : 503, {
      status: !isUp ? "stopping" : isFull ? "degraded" : "ok",
      listeners: Array.from(broker.listeners, ({ name, isOpen }) => ({ name, up: isUp && isOpen })),
      workers_lost: webHook.metrics.workersLost,
    });
  }

  #metrics(): Response {
    const { state } = this;
    if (state._tag === "Starting") {
      return problemResponse(503, "the broker is starting", { "retry-after": "1" });
    }
    const { broker, webHook } = state.of;
    const families = metricFamilies({ broker, webHook, process: this.#process });
    return new Response(render(families), { headers: { "content-type": CONTENT_TYPE } });
  }
}

const documents = () => import("./documents.ts");

const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
