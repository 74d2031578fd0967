/** Clients that come in, and what they may take of the queue from those who are in. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { HookEvent } from "../../../src/domain/HookEvent.ts";
import { connected, pass, published, rule, settingsOf, withEngine } from "./harness.ts";

const asking = (clientid: string): HookEvent => ({
  _tag: "client_connect",
  node: 1,
  ipaddress: "127.0.0.1:1",
  clientid,
  username: "u",
  keepalive: 60,
  proto_ver: 4,
  clean_session: true,
});
const refused = (clientid: string): HookEvent => ({
  ...(asking(clientid) as Extract<HookEvent, { readonly _tag: "client_connect" }>),
  _tag: "client_connack",
  conn_ack: "Connection Refused, bad user name or password",
});
const RULES = [
  rule("client_connect"),
  rule("client_connack"),
  rule("client_connected"),
  rule("message_publish"),
];

Deno.test("WebHook lets clients in until a quarter of the queue is theirs, and holds no publisher for them", () => {
  let answers = false;
  const settings = settingsOf({ rules: RULES, queueCapacity: 800, concurrencyLimit: 10 });
  return withEngine(
    settings,
    () => answers ? 200 : "hang",
    ({ webhook: { sink, onRelief, metrics } }) =>
      Effect.gen(function* () {
        let relieved = 0;
        onRelief(() => relieved++);
        let came = 0;
        for (; sink.admits && came < 800; came++) {
          sink.emit(asking(`c${came}`));
          sink.emit(refused(`c${came}`));
          if (came % 10 === 0) yield* pass(0); // some wait as events, some at their URL
        }
        assert.equal(came, 100);
        assert.equal(sink.pressure, "open");
        for (let n = 0; n < 499; n++) sink.emit(published("p", n));
        assert.equal(sink.pressure, "open");
        assert.equal(sink.admits, false);
        answers = true;
        yield* pass(8_600); // the hanging ones run into http_timeout, and are repeated
        assert.equal(metrics.snapshot().backlog, 0);
        assert.equal(sink.admits, true);
        assert.ok(relieved > 0);
      }),
  );
});

Deno.test("WebHook lets clients in although a dead URL has all their events waiting", () =>
  withEngine(
    settingsOf({ rules: RULES, queueCapacity: 800 }),
    () => "refused",
    ({ webhook: { sink, metrics } }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 100; n++) {
          sink.emit(asking(`c${n}`));
          sink.emit(refused(`c${n}`));
        }
        yield* pass(0);
        assert.equal(sink.admits, false);
        yield* pass(3_000); // from here on its URL counts as failing
        assert.equal(sink.admits, true);
        for (let n = 0; n < 300; n++) sink.emit(connected(`d${n}`, n));
        yield* pass(0);
        assert.equal(sink.admits, true);
        assert.ok(metrics.snapshot().endpoints[0]!.total.queued >= 400);
        yield* pass(60_000);
      }),
  ));

Deno.test("WebHook lets everybody in where events are dropped and nobody is held", () =>
  withEngine(
    settingsOf({ rules: RULES, queueCapacity: 8, whenFull: "drop_newest" }),
    () => "hang",
    ({ webhook: { sink } }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 20; n++) sink.emit(asking(`c${n}`));
        yield* pass(0);
        assert.equal(sink.admits, true);
      }),
  ));
