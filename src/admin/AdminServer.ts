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
import * as Schedule from "effect/Schedule";
import type * as Scope from "effect/Scope";
import type { LastReload, Reloaded } from "../config/Reloaded.ts";
import type { HttpApiSettings } from "../domain/BrokerSettings.ts";
import { nameOf } from "../domain/endpointNames.ts";
import type { WebHookSettings } from "../domain/WebHookSettings.ts";
import type { Broker } from "../mqtt/Broker.ts";
import { formatAddress } from "../net/formatAddress.ts";
import { monotonicMillis } from "../ops/monotonic.ts";
import { ListenError } from "../net/listen.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import type { DeliveryQuery } from "./deliveryQuery.ts";
import { deliveryQuery, shown } from "./deliveryQuery.ts";
import * as EventStreams from "./EventStreams.ts";
import { makeGuard, PAGE } from "./guard.ts";
import type { MetricsSource } from "./metricFamilies.ts";
import { metricFamilies } from "./metricFamilies.ts";
import { problemResponse } from "./Problem.ts";
import { CONTENT_TYPE, render } from "./prometheus.ts";
import { watchProcess } from "./ProcessFigures.ts";
import { snapshot } from "./snapshot.ts";
import { LOOK_EVERY_MS, Recent } from "./Recent.ts";
import type { WebHandler } from "./webHandler.ts";

/** What the API tells of and changes. */
export interface Running {
  readonly broker: Broker;
  readonly webHook: WebHook;
  /** Reads both files again. */
  readonly reload: () => Promise<Reloaded>;
  readonly lastReload: () => LastReload;
}

type State =
  | { readonly _tag: "Starting" }
  | { readonly _tag: "Running"; readonly of: Running }
  | { readonly _tag: "Stopping"; readonly of: Running };

/** What the process is doing now. */
interface Stage {
  state: State;
}

export interface AdminServer {
  /** All is there: from now on questions are answered. */
  readonly started: (of: Running) => void;
  /** The process ends: from now on nothing is changed, and it says that it is not ready. */
  readonly stopping: () => void;
}

/** Deliveries of one answer where nothing is asked for, as rows of any other. */
const PAGE_ROWS = 100;

/** How long answers that are under way may take when the server ends. */
const PATIENCE = Duration.seconds(1);

/** Listens until the scope closes. */
export const make = (
  settings: HttpApiSettings,
): Effect.Effect<AdminServer, ListenError, Scope.Scope> =>
  Effect.gen(function* () {
    const runFork = Runtime.runFork(yield* Effect.runtime<never>());
    const clock = yield* Effect.clock;
    const process = yield* watchProcess;
    const onDefect = (error: unknown): void =>
      void runFork(
        Effect.logError("defect in the API", { module: "admin" }, Cause.die(error)),
      );
    const recent = new Recent();
    const monotonic = () => monotonicMillis(clock);
    const stage: Stage = { state: { _tag: "Starting" } };
    const streams = yield* EventStreams.make(() => {
      const { state } = stage;
      if (state._tag === "Starting") return {}; // there are none yet
      return snapshot({
        ...state.of,
        isStopping: state._tag === "Stopping",
        now: clock.unsafeCurrentTimeMillis(),
        startedAt: Math.round(performance.timeOrigin),
        payloads: settings.payloads,
        recent: (endpoint) => recent.of(endpoint, monotonic()),
      });
    });
    const answers = new Answers({ settings, process, recent, monotonic, stage, streams, onDefect });
    const guard = makeGuard(settings);
    const serve = async (request: Request): Promise<Response> => {
      try {
        const url = new URL(request.url);
        return guard(request, url.pathname) ?? await answers.to(request, url);
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
        Effect.suspend(() => {
          streams.end(); // or they would be waited for
          return Effect.promise(() => server.shutdown());
        }).pipe(
          Effect.interruptible,
          Effect.timeoutOption(PATIENCE),
        ),
    );
    const look = Effect.sync(() => {
      const { state } = stage;
      if (state._tag === "Starting") return;
      recent.look(state.of.webHook.metrics.snapshot().endpoints, monotonic());
    });
    yield* Effect.forkScoped(Effect.repeat(look, Schedule.spaced(LOOK_EVERY_MS)));
    const addr = formatAddress(server.addr);
    yield* Effect.logInfo("listening", { listener: "http_api", transport: "http", addr });
    return {
      started: (of) => {
        of.webHook.tap.turnOn(settings.payloads);
        stage.state = { _tag: "Running", of };
        recent.look(of.webHook.metrics.snapshot().endpoints, monotonic());
      },
      stopping: () => {
        const { state } = stage;
        if (state._tag === "Running") stage.state = { _tag: "Stopping", of: state.of };
      },
    };
  });

interface AnswersOptions {
  readonly settings: HttpApiSettings;
  readonly process: MetricsSource["process"];
  readonly recent: Recent;
  readonly monotonic: () => number;
  readonly stage: Stage;
  readonly streams: EventStreams.EventStreams;
  readonly onDefect: (error: unknown) => void;
}

type Answer = (params: URLSearchParams) => Response | Promise<Response>;

/** What is answered by path, for whoever may ask. */
class Answers {
  readonly #options: AnswersOptions;
  readonly #paths: ReadonlyMap<string, Answer>;
  #web: Promise<WebHandler> | undefined;

  constructor(options: AnswersOptions) {
    this.#options = options;
    this.#paths = new Map<string, Answer>([
      ["/healthz", () => json(200, { status: "ok" })],
      ["/readyz", () => this.#readiness()],
      ["/metrics", () => this.#metrics()],
      ["/api/v1/metrics/prometheus", () => this.#metrics()],
      ["/api/v1/deliveries", (params) => this.#deliveries(params)],
      ["/api/v1/events/stream", (params) => this.#stream(params)],
      ["/openapi.json", () => documents().then((of) => json(200, of.openApi))],
      [
        "/schema/events.json",
        () => documents().then((of) => json(200, of.eventsSchema(this.#sent))),
      ],
      ["/docs", () => documents().then(({ page }) => page())],
    ]);
  }

  async to(request: Request, { pathname, searchParams }: URL): Promise<Response> {
    const own = await this.#own(pathname);
    if (own !== undefined) {
      if (request.method === "GET" || request.method === "HEAD") return await own(searchParams);
      return problemResponse(405, `${pathname} takes GET, HEAD`, { allow: "GET, HEAD" });
    }
    if (!pathname.startsWith("/api/v1/")) {
      return problemResponse(404, `nothing is at ${pathname}; see /docs`);
    }
    const { state } = this.#options.stage;
    switch (state._tag) {
      case "Starting":
        return starting();
      case "Stopping":
        return problemResponse(503, "the broker is stopping");
      case "Running":
        return await (await this.#webHandler(state.of))(request);
    }
  }

  /** What answers at a path that HttpApi does not know; undefined: it may. */
  async #own(pathname: string): Promise<Answer | undefined> {
    if (!this.#options.settings.page || !PAGE.test(pathname)) return this.#paths.get(pathname);
    const { PAGE_FILES } = await import("./livePage.ts");
    return PAGE_FILES.get(pathname);
  }

  #webHandler(of: Running): Promise<WebHandler> {
    const { settings: { mostRows, payloads }, recent, monotonic, onDefect } = this.#options;
    return this.#web ??= import("./webHandler.ts").then(({ makeWebHandler }) =>
      makeWebHandler({
        ...of,
        recent: (endpoint) => recent.of(endpoint, monotonic()),
        mostRows,
        payloads,
        onDefect,
      })
    );
  }

  /** What decides about the bodies that are sent. */
  get #sent(): Partial<WebHookSettings> {
    const { state } = this.#options.stage;
    return state._tag === "Starting" ? {} : state.of.webHook.settings();
  }

  /** 503: nothing should be sent here now. */
  #readiness(): Response {
    const { state } = this.#options.stage;
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
    const { state } = this.#options.stage;
    if (state._tag === "Starting") return starting();
    const families = metricFamilies({ ...state.of, process: this.#options.process });
    return new Response(render(families), { headers: { "content-type": CONTENT_TYPE } });
  }

  /** The newest first. */
  #deliveries(params: URLSearchParams): Response {
    const { state } = this.#options.stage;
    if (state._tag === "Starting") return starting();
    const query = this.#query(params, state.of);
    if (query instanceof Response) return query;
    const { tap } = state.of.webHook;
    const { filter, limit = PAGE_ROWS, payload } = query;
    const found = tap.find(filter, Math.min(limit, this.#options.settings.mostRows));
    return json(200, found.map((slot) => shown(tap, slot, payload)));
  }

  /** While the process stops, too: what it waits for can be watched. */
  #stream(params: URLSearchParams): Response {
    const { state } = this.#options.stage;
    if (state._tag === "Starting") return starting();
    const query = this.#query(params, state.of);
    return query instanceof Response
      ? query
      : this.#options.streams.open(state.of.webHook.tap, query);
  }

  #query(params: URLSearchParams, { webHook }: Running): DeliveryQuery | Response {
    const { endpoints } = webHook.metrics.snapshot();
    return deliveryQuery(params, {
      urlOf: (url) =>
        [url, nameOf(webHook.settings(), url)].find((name) =>
          endpoints.some((of) => of.url === name)
        ),
      payloads: this.#options.settings.payloads,
      isPlain: (url) => PLAIN.has(endpointNamed(webHook.settings(), url)?.payload ?? "base64"),
    });
  }
}

/** As which a payload is sent as it is. */
const PLAIN: ReadonlySet<string> = new Set(["text", "json"]);

const endpointNamed = ({ endpoints }: WebHookSettings, name: string) =>
  [...endpoints.values()].find((endpoint) => endpoint.name === name);

const starting = (): Response =>
  problemResponse(503, "the broker is starting", { "retry-after": "1" });

const documents = () => import("./documents.ts");

const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
  });
