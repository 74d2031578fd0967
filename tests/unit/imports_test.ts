/**
 * Imports go one way: main → net, webhook, hooks, ops, config, auth → mqtt → domain. `mqtt` and
 * `domain` know no Deno, no Effect runtime and no HTTP, so that a test runs them with plain objects.
 */
import assert from "node:assert/strict";
import { testNeeding } from "../support/permissions.ts";

const src = new URL("../../src/", import.meta.url);

/** One import: file paths under src/, or the package's specifier as resolved. */
interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

/** How far from the middle a folder is; what lies in src/ itself is the outermost. */
const rank = (path: string): number => {
  const [folder, file] = path.split("/");
  if (file === undefined) return 3;
  return folder === "domain" ? 0 : folder === "mqtt" ? 1 : 2;
};

/** What is wrong with an import, or undefined. */
const fault = ({ from, to, typeOnly }: Arrow): string | undefined => {
  const said = `${from} imports ${to}`;
  const packaged = /^(npm|jsr|node|https?):\/?(.*)$/.exec(to);
  if (packaged === null) {
    return rank(to) <= rank(from) ? undefined : `${said}: against the direction`;
  }
  const [, scheme, name = ""] = packaged;
  if (/^mqtt-packet@/.test(name) && from !== "mqtt/PacketCodec.ts") {
    return `${said}: PacketCodec alone knows it`;
  }
  if (/^mqtt@/.test(name)) return `${said}: the client library is for tests`;
  if (rank(from) > 1) return undefined;
  if (scheme === "node") {
    const plain = /^(buffer|process)$/.test(name) && rank(from) === 1;
    return plain ? undefined : `${said}: a runtime's module`;
  }
  if (/^mqtt-packet@/.test(name)) return undefined;
  const schema = /^effect@[^/]+\/Schema$/.test(name);
  const pure = rank(from) === 0 && (schema || typeOnly && /^effect@/.test(name));
  return pure ? undefined : `${said}: ${from.split("/")[0]} is plain TypeScript`;
};

Deno.test("fault of an import is told for each direction that is forbidden, and for no other", () => {
  const allowed: ReadonlyArray<readonly [string, string, boolean?]> = [
    ["main.ts", "webhook/Endpoint.ts"],
    ["webhook/Endpoint.ts", "hooks/EventQueue.ts"],
    ["hooks/EventQueue.ts", "mqtt/HookSink.ts"],
    ["mqtt/Session.ts", "domain/HookEvent.ts"],
    ["mqtt/PacketCodec.ts", "npm:mqtt-packet@9.0.2"],
    ["mqtt/PublishFrame.ts", "node:buffer"],
    ["domain/HookEvent.ts", "npm:effect@3.22.4/Schema"],
    ["domain/WebHookSettings.ts", "npm:/effect@3.22.4/Redacted", true],
    ["webhook/Endpoint.ts", "npm:effect@3.22.4/Effect"],
  ];
  const forbidden: ReadonlyArray<readonly [string, string, boolean?]> = [
    ["domain/HookEvent.ts", "mqtt/HookSink.ts", true],
    ["mqtt/Session.ts", "hooks/EventQueue.ts"],
    ["mqtt/Session.ts", "main.ts"],
    ["webhook/Endpoint.ts", "main.ts"],
    ["mqtt/Session.ts", "npm:effect@3.22.4"],
    ["mqtt/Session.ts", "npm:effect@3.22.4/Schema"],
    ["domain/HookEvent.ts", "npm:effect@3.22.4"],
    ["domain/HookEvent.ts", "npm:effect@3.22.4/Redacted", false],
    ["mqtt/Session.ts", "npm:mqtt-packet@9.0.2", true],
    ["net/TcpListener.ts", "npm:mqtt-packet@9.0.2"],
    ["mqtt/Session.ts", "node:net"],
    ["domain/HookEvent.ts", "node:buffer"],
    ["mqtt/Session.ts", "npm:@effect/platform@0.97.2"],
    ["main.ts", "npm:mqtt@5.16.0"],
  ];
  for (const [arrows, told] of [[allowed, false], [forbidden, true]] as const) {
    for (const [from, to, typeOnly = false] of arrows) {
      assert.equal(fault({ from, to, typeOnly }) !== undefined, told, `${from} → ${to}`);
    }
  }
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
  [...Deno.readDirSync(new URL(folder, src))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sources(`${folder}${name}/`) : name.endsWith(".ts") ? [`${folder}${name}`] : []
  );

const info = async (file: string): Promise<Graph> => {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", new URL(file, src).pathname],
    env: { NO_COLOR: "1" },
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
};

const local = (specifier: string): string =>
  specifier.startsWith(src.href) ? specifier.slice(src.href.length) : specifier;

/** All imports under src/, whatever they are reached by: main, a worker's URL, a task of its own. */
const arrows = async (): Promise<ReadonlyArray<Arrow>> => {
  const seen = new Set<string>();
  const found: Array<Arrow> = [];
  // Outermost first: most files are in the graph of main.
  for (const file of sources().toSorted((a, b) => rank(b) - rank(a))) {
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

testNeeding(["read", "run"], "src imports one way only", async () => {
  assert.deepEqual((await arrows()).map(fault).filter((said) => said !== undefined), []);
});

/** What a module loads when it is loaded: not types, nor what is imported by `import()`. */
const loaded = async (file: string): Promise<ReadonlySet<string>> => {
  const { modules } = await info(file);
  const reached = new Set([new URL(file, src).href]);
  for (const from of reached) { // grows on the way
    const { dependencies = [] } = modules.find(({ specifier }) => specifier === from) ?? {};
    for (const { code, isDynamic } of dependencies) {
      if (code?.specifier !== undefined && !isDynamic) reached.add(code.specifier);
    }
  }
  return new Set([...reached].map(local));
};

testNeeding(
  ["read", "run"],
  "deliveryWorker loads little: no @effect/platform, Schema nor Stream, 16 MB in each worker",
  async () => {
    const modules = await loaded("webhook/deliveryWorker.ts");
    assert.ok(modules.has("webhook/http/ConnectionPool.ts"));
    const heavy = /^npm:\/?(?:@effect\/platform@|effect@[^/]+\/(?:Schema|Stream)$|effect@[^/]+$)/;
    assert.deepEqual([...modules].filter((module) => heavy.test(module)), []);
  },
);

testNeeding(["read"], "src/mqtt and src/domain use neither Deno nor HTTP", () => {
  const uses = sources().filter((path) => rank(path) <= 1).flatMap((path) => {
    const text = Deno.readTextFileSync(new URL(path, src))
      .replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
    const used = /\bDeno\s*[.[]|\bfetch\s*\(|\bnew (Request|Response|WebSocket)\b/.exec(text);
    return used === null ? [] : [`${path}: ${used[0]}`];
  });
  assert.deepEqual(uses, []);
});
