/**
 * The same job by aedes and undici, as one would write it with them: each message of a client becomes a
 * POST to each URL given as an argument, over a Pool of 128 connections per origin, with the body that
 * Hookline sends. No retries, no order, no accounts; undici queues what waits. Prints its port.
 */
import type { Socket } from "node:net";
import { createServer } from "node:net";
import { Aedes } from "aedes";
import { Pool } from "undici";

const targets = Deno.args.map((arg) => {
  const url = new URL(arg);
  return { path: url.pathname, pool: new Pool(url.origin, { connections: 128 }) };
});

const broker = await Aedes.createBroker();
broker.on("publish", (packet, client) => {
  if (client === null) return; // the broker's own $SYS messages
  const { remoteAddress, remotePort } = client.conn as Socket; // of the server below
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
    packet_id: String("messageId" in packet ? packet.messageId : 0),
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
