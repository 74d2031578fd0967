/** A Connection without a Broker: a context, and an owner that keeps what it is told. */
import assert from "node:assert/strict";
import { BrokerContext } from "../../../src/mqtt/BrokerContext.ts";
import type { ConnectionOwner } from "../../../src/mqtt/Connection.ts";
import { Connection } from "../../../src/mqtt/Connection.ts";
import { Listener } from "../../../src/mqtt/Listener.ts";
import type { ByteSink } from "../../../src/mqtt/ports/ByteSink.ts";
import type { Verdict } from "../../../src/mqtt/ports/Access.ts";
import { BROKER_LIMITS, LIMITS, RecordingHooks } from "../../support/ProtocolBench.ts";

class PlainOwner implements ConnectionOwner {
  readonly told: Array<string> = [];

  hold(_: Connection, anew: boolean): void {
    this.told.push(anew ? "hold anew" : "hold");
  }

  release(): void {
    this.told.push("release");
  }

  closed(): void {
    this.told.push("closed");
  }
}

class PlainSink implements ByteSink {
  readonly sent: Array<number> = [];
  readonly buffered = 0;
  ended = false;

  hold(): void {}

  write(bytes: Uint8Array): void {
    this.sent.push(...bytes);
  }

  end(): void {
    this.ended = true;
  }

  setReading(): void {}

  letIn(): void {}
}

/** CONNECT of a 3.1.1 client `c` with a clean session; with user name and password `u` where asked for. */
const connect = (withUser: boolean): Uint8Array => {
  const name = [0, 4, 0x4d, 0x51, 0x54, 0x54, 4];
  const body = withUser
    ? [...name, 0xc2, 0, 0, 0, 1, 0x63, 0, 1, 0x75, 0, 1, 0x75]
    : [...name, 0x02, 0, 0, 0, 1, 0x63];
  return Uint8Array.from([0x10, body.length, ...body]);
};
const PUBLISH = Uint8Array.from([0x30, 3, 0, 1, 0x74]);
const ACCEPTED = [0x20, 2, 0, 0];

const start = (verdict: Verdict | Promise<Verdict> = "good") => {
  const hooks = new RecordingHooks();
  const reported: Array<ReadonlyArray<string | undefined>> = [];
  const context = new BrokerContext({
    nodeId: 1,
    sink: hooks,
    limits: BROKER_LIMITS,
    listeners: [],
    isMemoryShort: () => false,
    clock: { now: () => 0, monotonic: () => 0 },
    access: {
      authenticate: () => verdict,
      authorize: () => true,
      receiving: undefined,
      revision: 0,
    },
    newClientId: () => "auto",
    reports: {
      connected: (listener, { clientid }) => void reported.push(["in", listener, clientid]),
      refused: (listener, { clientid, ipaddress }, reason) =>
        void reported.push(["refused", listener, ipaddress, clientid, reason]),
      broken: (listener, ipaddress, client, reason) =>
        void reported.push(["broken", listener, ipaddress, client?.clientid, reason]),
    },
    onDefect: (error) => {
      throw error;
    },
  });
  const owner = new PlainOwner();
  const sink = new PlainSink();
  const listener = new Listener({ ...LIMITS, listener: "tcp.l" });
  const connection = new Connection(context, owner, sink, listener, "127.0.0.1:1");
  return { hooks, reported, context, owner, sink, listener, connection };
};

Deno.test("Connection moves by what CONNECT was answered with, and tells its owner of its end alone", () => {
  const { context, owner, sink, listener, connection } = start();
  const state = () => connection.state._tag;
  assert.equal(state(), "AwaitingConnect");
  connection.receive(connect(false));
  assert.equal(state(), "Connected");
  assert.deepEqual(sink.sent, ACCEPTED);
  assert.equal(listener.connected, 1);
  assert.equal(context.sessions.get("c")?.connected, true);
  connection.receive(Uint8Array.from([0xe0, 0])); // DISCONNECT
  assert.equal(state(), "Closed");
  assert.deepEqual(owner.told, ["closed"]);
  assert.equal(sink.ended, true);
  assert.equal(listener.connected, 0);
  assert.equal(context.sessions.size, 0);
});

Deno.test("Connection waits while it is admitted, goes on by the verdict, and is closed by a bad one", async () => {
  for (const verdict of ["good", "bad"] as const) {
    const { promise, resolve } = Promise.withResolvers<Verdict>();
    const { owner, sink, hooks, connection } = start(promise);
    connection.receive(connect(true));
    connection.receive(PUBLISH);
    const state = () => connection.state._tag;
    assert.equal(state(), "Admitting");
    assert.deepEqual(sink.sent, []);
    assert.deepEqual(hooks.names(), ["client_connect"]);
    resolve(verdict);
    await new Promise((done) => setImmediate(done));
    assert.equal(state(), verdict === "good" ? "Connected" : "Closed");
    assert.deepEqual(sink.sent, verdict === "good" ? ACCEPTED : [0x20, 2, 0, 4]);
    assert.equal(hooks.names().includes("message_publish"), verdict === "good");
    assert.deepEqual(
      owner.told,
      verdict === "good" ? ["hold", "release"] : ["hold", "closed"],
    );
  }
});

Deno.test("Connection takes no notice of a verdict when its client has gone meanwhile", async () => {
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  const { owner, hooks, context, connection } = start(promise);
  connection.receive(connect(true));
  connection.close("RemoteClose");
  resolve("good");
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(owner.told, ["closed"]);
  assert.equal(context.sessions.size, 0);
  assert.deepEqual(hooks.names(), ["client_connect"]);
});

Deno.test("Connection tells its owner when it must wait for room, and each time that it does so anew", () => {
  const { hooks, owner, connection } = start();
  connection.receive(connect(false));
  hooks.pressure = "high";
  connection.receive(PUBLISH);
  connection.receive(PUBLISH);
  assert.deepEqual(owner.told, ["hold", "hold"]);
  hooks.pressure = "open";
  connection.resume();
  assert.deepEqual(owner.told.splice(0), ["hold", "hold", "release"]);
  assert.equal(hooks.all("message_publish").length, 2);
  connection.close("Shutdown");
  assert.deepEqual(owner.told, ["closed"]);
});

Deno.test("Connection reports a client that comes in, one that is refused, and what is against the protocol, and no other end", () => {
  const told = (verdict: Verdict, ...chunks: ReadonlyArray<Uint8Array>) => {
    const { reported, connection } = start(verdict);
    for (const chunk of chunks) connection.receive(chunk);
    connection.ended("RemoteClose");
    return reported;
  };
  const bytes = (text: string) => new TextEncoder().encode(text);
  const at = ["tcp.l", "127.0.0.1:1"] as const;
  assert.deepEqual(told("good", connect(false)), [["in", "tcp.l", "c"]]);
  assert.deepEqual(told("bad", connect(true)), [
    ["refused", ...at, "c", "bad_user_name_or_password"],
  ]);
  assert.deepEqual(told("good", connect(false), connect(false)).slice(1), [
    ["broken", ...at, "c", "ProtocolError(second CONNECT)"],
  ]);
  assert.deepEqual(told("good", PUBLISH), [
    ["broken", ...at, undefined, "ProtocolError(packet before CONNECT)"],
  ]);
  for (const start of ["GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\n"]) {
    assert.deepEqual(told("good", bytes(start)), [
      ["broken", ...at, undefined, "speaks HTTP to an MQTT listener"],
    ]);
  }
  assert.deepEqual(told("good", Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 252)), [
    ["broken", ...at, undefined, "speaks TLS to a listener without"],
  ]);
  assert.deepEqual(told("good"), []);
});
