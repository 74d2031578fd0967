/**
 * Imports go down the floors listed here, never up, never sideways, never in a circle of files. `mqtt`
 * and `domain` know no Deno, no Effect runtime and no HTTP, so that a test runs them with plain objects.
 */
import assert from "node:assert/strict";
import { testNeeding } from "../support/permissions.ts";

const SRC = new URL("../../src/", import.meta.url);

/** One import: file paths under src/, or the package's specifier as resolved. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

/** Floors from the top down; rooms of one floor do not know each other. A folder ends in `/`. */
type Floors = ReadonlyArray<ReadonlyArray<string>>;

const HOUSE: Floors = [
  ["main.ts", "reload.ts", "makeBroker.ts", "tools/"],
  ["admin/"],
  ["config/"],
  ["net/", "cluster/", "auth/", "webhook/", "persistence/"],
  ["mqtt/", "http/"],
  ["store/"],
  ["domain/"],
  ["collections/", "ops/"],
];

/** The floors inside of a folder that has some. */
const INSIDE: Readonly<Record<string, Floors>> = {
  "mqtt/": [
    ["Broker.ts"],
    ["Connection.ts"],
    ["handlers/"],
    ["BrokerContext.ts", "Listener.ts"],
    ["session/"],
    ["routing/"],
    ["events/"],
    ["wire/", "ports/"],
  ],
  "webhook/": [
    ["WebHook.ts"],
    ["dispatch/", "intake/"],
    ["endpoint/"],
    ["worker/", "outbox/"],
    ["attempt/"],
    ["body/", "account/", "tap/"],
  ],
};

/** What a folder may see of another one above `domain/`; all of it where nothing is said. */
const SEEN: ReadonlyArray<readonly [from: string, of: string, seen: RegExp]> = [
  ["webhook/", "mqtt/", /^mqtt\/ports\//],
  ["auth/", "mqtt/", /^mqtt\/ports\//],
  ["cluster/", "mqtt/", /^mqtt\/(Broker\.ts$|ports\/|routing\/)/],
  ["persistence/", "mqtt/", /^mqtt\/ports\//],
  ["mqtt/", "store/", /^$/],
  ["http/", "store/", /^$/],
  ["http/", "domain/", /^$/],
  ["http/", "collections/", /^$/],
];

/** Which floor and room of these a path is in; undefined: none. */
const placeOf = (floors: Floors, path: string) => {
  for (const [floor, rooms] of floors.entries()) {
    const room = rooms.find((room) => room.endsWith("/") ? path.startsWith(room) : path === room);
    if (room !== undefined) return { floor, room };
  }
  return undefined;
};

/** What is wrong with an import of one file of ours by another, or undefined. */
const wayFault = (floors: Floors, from: string, to: string): string | undefined => {
  const above = placeOf(floors, from);
  const below = placeOf(floors, to);
  if (above === undefined) return `${from} is on no floor`;
  if (below === undefined) return `${to} is on no floor`;
  if (below.floor < above.floor) return "up the floors";
  if (below.floor > above.floor) return undefined;
  if (above.room !== below.room) {
    return above.room.endsWith("/") || below.room.endsWith("/") ? "sideways" : undefined;
  }
  const { room } = above;
  const inside = room.endsWith("/") ? INSIDE[room] : undefined;
  return inside && wayFault(inside, from.slice(room.length), to.slice(room.length));
};

/** What is wrong with an import, or undefined. */
const fault = ({ from, to, typeOnly }: Arrow): string | undefined => {
  const said = `${from} imports ${to}`;
  if (to === DENO_JSON) return undefined; // the version
  const packaged = /^(npm|jsr|node|https?):\/?(.*)$/.exec(to);
  if (packaged === null) {
    const seen = SEEN.find(([a, b]) => from.startsWith(a) && to.startsWith(b))?.[2];
    if (seen !== undefined && !seen.test(to)) return `${said}: not for it to see`;
    const way = wayFault(HOUSE, from, to);
    return way && (way.endsWith("on no floor") ? way : `${said}: ${way}`);
  }
  const [, scheme, name = ""] = packaged;
  if (/^mqtt-packet@/.test(name) && !from.endsWith("/PacketCodec.ts")) {
    return `${said}: PacketCodec alone knows it`;
  }
  if (/^mqtt@/.test(name)) return `${said}: the client library is for tests`;
  const [folder] = from.split("/");
  if (folder === "http" && !/^(npm:\/?effect@|node:(net|tls)$)/.test(to)) {
    return `${said}: http knows nothing but effect and sockets`;
  }
  if (folder !== "mqtt" && folder !== "domain" && folder !== "collections") return undefined;
  if (scheme === "node") {
    const plain = /^(buffer|process)$/.test(name) && folder === "mqtt";
    return plain ? undefined : `${said}: a runtime's module`;
  }
  if (/^mqtt-packet@/.test(name)) return undefined;
  const schema = /^effect@[^/]+\/Schema$/.test(name);
  const pure = folder === "domain" && (schema || typeOnly && /^effect@/.test(name));
  return pure ? undefined : `${said}: ${folder} is plain TypeScript`;
};

/** Files that import each other in a circle, each circle sorted. (Tarjan's strongly connected components) */
const circlesOf = (
  arrows: ReadonlyArray<Pick<Arrow, "from" | "to">>,
): ReadonlyArray<ReadonlyArray<string>> => {
  const next = Map.groupBy(arrows, ({ from }) => from);
  const index = new Map<string, number>();
  const stack: Array<string> = [];
  const circles: Array<ReadonlyArray<string>> = [];
  const visit = (file: string): number => {
    const own = index.size;
    index.set(file, own);
    let lowest = own;
    stack.push(file);
    for (const { to } of next.get(file) ?? []) {
      if (to === file) circles.push([file]);
      if (!index.has(to)) lowest = Math.min(lowest, visit(to));
      else if (stack.includes(to)) lowest = Math.min(lowest, index.get(to) ?? own);
    }
    if (lowest < own) return lowest;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) circles.push(circle.toSorted());
    return lowest;
  };
  for (const { from } of arrows) if (!index.has(from)) visit(from);
  return circles;
};

Deno.test("fault of an import is told for each direction that is forbidden, and for no other", () => {
  const allowed: ReadonlyArray<readonly [string, string, boolean?]> = [
    ["main.ts", "webhook/WebHook.ts"],
    ["main.ts", "makeBroker.ts"],
    ["config/CommandLine.ts", DENO_JSON],
    ["webhook/WebHook.ts", "mqtt/ports/HookSink.ts"],
    ["webhook/WebHook.ts", "http/Socket.ts"],
    ["net/listen.ts", "mqtt/Broker.ts"],
    ["mqtt/Broker.ts", "domain/HookEvent.ts"],
    ["mqtt/Broker.ts", "collections/Deque.ts"],
    ["mqtt/wire/PacketCodec.ts", "npm:mqtt-packet@9.0.2"],
    ["mqtt/wire/PublishFrame.ts", "node:buffer"],
    ["domain/HookEvent.ts", "npm:effect@3.22.4/Schema"],
    ["domain/WebHookSettings.ts", "npm:/effect@3.22.4/Redacted", true],
    ["webhook/WebHook.ts", "npm:effect@3.22.4/Effect"],
    ["http/Socket.ts", "node:tls"],
    ["http/Timer.ts", "npm:effect@3.22.4/Clock"],
    ["webhook/endpoint/Endpoint.ts", "webhook/attempt/Executor.ts"],
    ["mqtt/handlers/publish.ts", "mqtt/routing/Message.ts"],
  ];
  const forbidden: ReadonlyArray<readonly [string, string, boolean?]> = [
    ["domain/HookEvent.ts", "mqtt/ports/HookSink.ts", true],
    ["mqtt/Broker.ts", "webhook/WebHook.ts"],
    ["mqtt/Broker.ts", "main.ts"],
    ["mqtt/Broker.ts", "http/Socket.ts"],
    ["net/listen.ts", "webhook/WebHook.ts"],
    ["webhook/WebHook.ts", "mqtt/Broker.ts"],
    ["webhook/WebHook.ts", "config/fields.ts"],
    ["webhook/WebHook.ts", "somewhere/else.ts"],
    ["main.ts", "tools/receiver.ts"],
    ["webhook/endpoint/Endpoint.ts", "webhook/dispatch/Dispatcher.ts"],
    ["webhook/body/BodyWriter.ts", "webhook/account/Metrics.ts"],
    ["webhook/Loose.ts", "webhook/WebHook.ts"],
    ["mqtt/routing/PubSub.ts", "mqtt/session/Session.ts"],
    ["http/Socket.ts", "domain/HookEvent.ts"],
    ["http/Socket.ts", "node:http"],
    ["http/Socket.ts", "npm:@effect/platform@0.97.2/HttpClient"],
    ["ops/logger.ts", "collections/Deque.ts"],
    ["mqtt/Broker.ts", "npm:effect@3.22.4"],
    ["mqtt/Broker.ts", "npm:effect@3.22.4/Schema"],
    ["collections/Deque.ts", "npm:effect@3.22.4/Chunk"],
    ["domain/HookEvent.ts", "npm:effect@3.22.4"],
    ["domain/HookEvent.ts", "npm:effect@3.22.4/Redacted", false],
    ["mqtt/Broker.ts", "npm:mqtt-packet@9.0.2", true],
    ["net/listenTcp.ts", "npm:mqtt-packet@9.0.2"],
    ["mqtt/Broker.ts", "node:net"],
    ["domain/HookEvent.ts", "node:buffer"],
    ["mqtt/Broker.ts", "npm:@effect/platform@0.97.2"],
    ["main.ts", "npm:mqtt@5.16.0"],
  ];
  for (const [arrows, told] of [[allowed, false], [forbidden, true]] as const) {
    for (const [from, to, typeOnly = false] of arrows) {
      assert.equal(fault({ from, to, typeOnly }) !== undefined, told, `${from} → ${to}`);
    }
  }
});

Deno.test("circlesOf finds files that import each other, by however many steps, and no others", () => {
  const arrows = (...pairs: ReadonlyArray<string>) =>
    pairs.map((pair) => ({ from: pair.charAt(0), to: pair.charAt(1) }));
  assert.deepEqual(circlesOf(arrows("ab", "bc", "ac", "cd")), []);
  assert.deepEqual(circlesOf(arrows("ab", "ba")), [["a", "b"]]);
  assert.deepEqual(circlesOf(arrows("ab", "bc", "cd", "db", "da", "ea")), [["a", "b", "c", "d"]]);
  assert.deepEqual(circlesOf(arrows("ab", "ba", "bc", "cd", "dc")), [["c", "d"], ["a", "b"]]);
  assert.deepEqual(circlesOf(arrows("aa")), [["a"]]);
});

/** The part of `deno info --json` that is read here. */
interface Graph {
  readonly modules: ReadonlyArray<{
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: ReadonlyArray<{
      readonly specifier: string;
      readonly isDynamic?: boolean;
      readonly code?: { readonly specifier?: string; readonly error?: string };
      readonly type?: { readonly specifier?: string; readonly error?: string };
    }>;
  }>;
}

/** Every file under src/, as a path from there. */
const sources = (folder = ""): ReadonlyArray<string> =>
  [...Deno.readDirSync(new URL(folder, SRC))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sources(`${folder}${name}/`) : name.endsWith(".ts") ? [`${folder}${name}`] : []
  );

const info = async (file: string): Promise<Graph> => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL(file, SRC).pathname],
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
};

const DENO_JSON = new URL("../deno.json", SRC).href;

const local = (specifier: string): string =>
  specifier.startsWith(SRC.href) ? specifier.slice(SRC.href.length) : specifier;

/** All imports under src/, whatever they are reached by: main, a worker's URL, a task of its own. */
const arrows = async (): Promise<ReadonlyArray<Arrow>> => {
  const seen = new Set<string>();
  const found: Array<Arrow> = [];
  // Outermost first: most files are in the graph of main.
  for (
    const file of sources().toSorted((a, b) => Number(a.includes("/")) - Number(b.includes("/")))
  ) {
    if (seen.has(file)) continue;
    const { modules } = await info(file);
    for (const { specifier, error, dependencies = [] } of modules) {
      const from = local(specifier);
      if (from === specifier || seen.has(from)) continue; // a package, or known already
      assert.equal(error, undefined, `${from}: ${error}`);
      seen.add(from);
      for (const { code, type } of dependencies) {
        const to = code?.specifier ?? type?.specifier;
        assert.ok(to, `${from}: ${code?.error ?? type?.error}`);
        found.push({ from, to: local(to), typeOnly: code === undefined });
      }
    }
  }
  return found;
};

testNeeding(["read", "run"], "src imports one way only, and never in a circle", async () => {
  const all = await arrows();
  assert.deepEqual(all.map(fault).filter((said) => said !== undefined), []);
  assert.deepEqual(circlesOf(all), []);
});

/** What a module loads when it is loaded: not types, nor what is imported by `import()`. */
const loaded = (file: string): Promise<ReadonlySet<string>> => reachedFrom(file, false);

/** What Deno reads before a module is loaded: what a literal of `import()` names, too. */
const read = (file: string): Promise<ReadonlySet<string>> => reachedFrom(file, true);

const reachedFrom = async (
  file: string,
  byDynamicImports: boolean,
): Promise<ReadonlySet<string>> => {
  const { modules } = await info(file);
  const reached = new Set([new URL(file, SRC).href]);
  for (const from of reached) { // grows on the way
    const { dependencies = [] } = modules.find(({ specifier }) => specifier === from) ?? {};
    for (const { code, isDynamic } of dependencies) {
      if (code?.specifier !== undefined && (byDynamicImports || !isDynamic)) {
        reached.add(code.specifier);
      }
    }
  }
  return new Set([...reached].map(local));
};

testNeeding(["read", "run"], "Deno reads nothing of the API before main asks for it", async () => {
  const modules = [...await read("main.ts")];
  assert.ok(modules.includes("webhook/attempt/fetchClient.ts"));
  assert.deepEqual(modules.filter((module) => module.startsWith("admin/")), []);
});

testNeeding(["read", "run"], "main loads nothing of the API before it is asked for", async () => {
  const modules = [...await loaded("main.ts")];
  const heavy = /^admin\/|^npm:\/?@effect\/platform@[^/]+\/(?:HttpApi|HttpServer|OpenApi)/;
  assert.deepEqual(modules.filter((module) => heavy.test(module)), []);
  const server = [...await loaded("admin/AdminServer.ts")];
  assert.ok(server.includes("admin/guard.ts"));
  assert.ok(server.every((module) => !/HttpApi(?:Builder|Swagger)$|OpenApi$/.test(module)));
});

testNeeding(["read", "run"], "main loads none of the tools beside the broker", async () => {
  const modules = await loaded("main.ts");
  assert.ok(modules.has("makeBroker.ts"));
  assert.deepEqual([...modules].filter((module) => module.startsWith("tools/")), []);
});

testNeeding(
  ["read", "run"],
  "deliveryWorker loads little: no @effect/platform, Schema nor Stream, 16 MB in each worker",
  async () => {
    const modules = await loaded("webhook/worker/deliveryWorker.ts");
    assert.ok(modules.has("http/ConnectionPool.ts"));
    const heavy = /^npm:\/?(?:@effect\/platform@|effect@[^/]+\/(?:Schema|Stream)$|effect@[^/]+$)/;
    assert.deepEqual([...modules].filter((module) => heavy.test(module)), []);
  },
);

testNeeding(["read", "run"], "main loads the parser of lines only where one is told", async () => {
  const modules = [...await loaded("main.ts")];
  assert.ok(modules.includes("config/readToml.ts"));
  assert.deepEqual(modules.filter((module) => /TomlLines|toml-eslint-parser/.test(module)), []);
});

testNeeding(["read"], "src/mqtt, src/domain and src/collections use neither Deno nor HTTP", () => {
  const plain = sources().filter((path) => /^(mqtt|domain|collections)\//.test(path));
  const uses = plain.flatMap((path) => {
    const text = Deno.readTextFileSync(new URL(path, SRC))
      .replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    const used = /\bDeno\s*[.[]|\bfetch\s*\(|\bnew (Request|Response|WebSocket)\b/.exec(text);
    return used === null ? [] : [`${path}: ${used[0]}`];
  });
  assert.deepEqual(uses, []);
});
