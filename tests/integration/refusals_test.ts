/** What the log says of clients that are not let in, of the real process. */
import assert from "node:assert/strict";
import { brokerFiles } from "../support/brokerFiles.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
import { testNeeding } from "../support/permissions.ts";

const NEEDED = ["net", "read", "write", "env", "run"] as const;

/** Sends bytes and waits until the broker has closed the connection. */
const send = async (port: number, bytes: Uint8Array): Promise<void> => {
  using socket = await Deno.connect({ port });
  await socket.write(bytes);
  const buffer = new Uint8Array(1024);
  try {
    while (await socket.read(buffer) !== null);
  } catch {
    // closed by a reset: gone all the same
  }
};

const text = (from: string): Uint8Array => new TextEncoder().encode(from);

/** A CONNECT of MQTT 3.1.1. */
const connect = (clientid: string): Uint8Array => {
  const id = text(clientid);
  const length = 12 + id.length;
  return Uint8Array.from([
    0x10,
    length % 128 | 0x80,
    Math.floor(length / 128) % 128 | 0x80,
    Math.floor(length / 16384),
    ...[0, 4, 77, 81, 84, 84, 4, 2, 0, 60, id.length >> 8, id.length & 255],
    ...id,
  ]);
};

testNeeding(
  NEEDED,
  "Log tells of each kind of client that is not let in, with its address, and counts the others of its kind",
  async () => {
    const tls = new URL("../support/tls/", import.meta.url).pathname;
    const broker = await BrokerProcess.start(
      brokerFiles({
        urls: [],
        rules: "",
        listeners: {
          external: "allow_anonymous = false",
          open: "",
          "tls.safe": `cert = "${tls}cert.pem"\nkey = "${tls}key.pem"`,
          "ws.web": "",
        },
      }),
      ["external", "open", "safe", "web"],
    );
    const forged = "a\n2026-01-01T00:00:00Z ERROR forged\x1b[2J";
    await send(broker.port(), connect(forged));
    await broker.logged(
      / WARN connection refused clientid="a\\n2026-01-01T00:00:00Z ERROR forged\\u001b\[2J" ip=127\.0\.0\.1:\d+ listener=tcp\.external reason=not_authorized count=1\n/,
    );
    for (let n = 0; n < 7; n++) await send(broker.port(), connect("x".repeat(60_000)));
    const get = text("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    await send(broker.port("open"), get);
    await broker.logged(
      / INFO connection ended ip=\S+ listener=tcp\.open reason="speaks HTTP to an MQTT listener" count=1\n/,
    );
    await send(broker.port("open"), Uint8Array.of(0x16, 3, 1, 0, 200, 1, 0, 0));
    await broker.logged(/ reason="speaks TLS to a listener without" count=1\n/);
    await send(broker.port("open"), Uint8Array.of(0x30, 2, 0, 0));
    await broker.logged(/ reason="ProtocolError\(packet before CONNECT\)" count=1\n/);
    await send(broker.port("safe"), get);
    await broker.logged(/ listener=tls\.safe reason="TLS handshake failed: .*" count=1\n/);
    await send(broker.port("web"), get);
    await broker.logged(/ listener=ws\.web reason=".*HTTP.*404" count=1\n/);
    const { stdout } = await broker.stop();
    assert.match(
      stdout,
      / WARN connection refused clientid=x{128}… ip=\S+ listener=tcp\.external reason=not_authorized count=7\n/,
    );
    assert.ok(stdout.split("\n").every((line) => line.length < 500));
  },
);
