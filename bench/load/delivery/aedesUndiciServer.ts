/**
 * The same job by aedes and undici, as one would write it with them: each message of a client becomes a
 * POST to each URL given as an argument, over a Pool of 128 connections per origin, with the body that
 * Hookline sends. No retries, no order, no accounts; undici queues what waits. Prints its port.
 */
import { createServer } from "node:net";
import { UNDICI } from "../../../tests/support/packages.ts";
import { createAedes } from "../shared/aedes.ts";

/** undici's, as far as it is used here. */
interface Pool {
  request(options: {
    readonly path: string;
    readonly method: "POST";
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  }): Promise<{ readonly body: { dump(): Promise<void> } }>;
}

const { Pool }: {
  readonly Pool: new (origin: string, options: { readonly connections: number }) => Pool;
} = await import(UNDICI);

const targets = Deno.args.map((arg) => {
  const url = new URL(arg);
  return { path: url.pathname, pool: new Pool(url.origin, { connections: 128 }) };
});

const broker = await createAedes();
broker.on("publish", (packet, client) => {
  if (client === null) return; // the broker's own $SYS messages
  const { remoteAddress, remotePort } = client.conn;
  const body = JSON.stringify({
    action: "message_publish",
    from_node: 1,
    from_ipaddress: `${remoteAddress}:${remotePort}`,
    from_clientid: client.id,
    from_username: "undefined",
    dup: packet.dup,
    retain: packet.retain,
    qos: packet.qos,
    topic: packet.topic,
    packet_id: String(packet.messageId ?? 0),
    payload: packet.payload.toString("base64"),
    ts: Date.now(),
  });
  for (const { path, pool } of targets) {
    pool.request({ path, method: "POST", headers: { "content-type": "application/json" }, body })
      .then((response) => response.body.dump())
      .catch(() => {}); // refused or broken off: there is no retry here
  }
});

const server = createServer({ noDelay: true }, broker.handle);
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") console.log(`listening on ${address.port}`);
});
