import assert from "node:assert/strict";
import * as Schema from "@effect/schema";
import * as Effect from "effect/Effect";
import type { BrokerSettings } from "../../../src/domain/BrokerSettings.ts";
import { BrokerFile, brokerSettings } from "../../../src/config/BrokerFile.ts";
import { ConfigSource } from "../../../src/config/ConfigSource.ts";
import { restartKeys } from "../../../src/config/restartKeys.ts";
import { memorySource } from "./memorySource.ts";

/** The settings of a file with these tables. */
const settings = (file: unknown): Promise<BrokerSettings> =>
  Effect.runPromise(
    Effect.provideService(
      Effect.map(Schema.decodeUnknown(BrokerFile)(file), brokerSettings),
      ConfigSource,
      memorySource({}),
    ),
  );

const running = await settings({ listener: { tcp: { a: {}, Gone: { addr: "[::1]:1" } } } });

Deno.test("restartKeys names nothing where settings are the same, or differ in auth and acl", async () => {
  const wanted = await settings({
    listener: { tcp: { a: {}, Gone: { addr: "[::1]:1" } } },
    auth: { users: [{ username: "u", password: "p" }] },
    acl: [{ permit: "deny" }],
  });
  assert.deepEqual(restartKeys(running, wanted), []);
});

Deno.test("restartKeys names each key that differs as the file does, and a listener that comes or goes as one", async () => {
  const wanted = await settings({
    node: { id: 2 },
    listener: {
      tcp: { a: { addr: "127.0.0.1:1", max_mqueue_len: 5, client_id: "username" } },
      ws: { New: { path: "/x" } },
    },
  });
  assert.deepEqual(restartKeys(running, wanted), [
    "node.id",
    "listener.tcp.a.addr",
    "listener.tcp.a.max_mqueue_len",
    "listener.tcp.a.client_id",
    "listener.tcp.Gone",
    "listener.ws.New",
  ]);
});
