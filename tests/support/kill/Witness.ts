/**
 * Clients of the kill test, and what the broker has told them: every acknowledgement that reached them
 * binds it for ever. None sends anything twice.
 */
import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import type { Random } from "../fuzz/Random.ts";

/** What was told, over all lives of the broker. */
export class Told {
  /** Payloads of PUBLISH packets that were answered by PUBACK or PUBREC. */
  readonly published = new Set<string>();
  /** Client identifiers that were answered by CONNACK. */
  readonly connected = new Set<string>();
  /** Filters that were answered by SUBACK. */
  readonly subscribed = new Set<string>();
  /** Payloads that reached the persistent subscriber. */
  readonly received = new Set<string>();
  readonly #waiting = new Set<() => void>();

  get count(): number {
    return this.published.size + this.connected.size + this.subscribed.size;
  }

  /** Resolves when `count` has reached this much. */
  reaches(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.count < count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  note(set: Set<string>, what: string): void {
    set.add(what);
    for (const look of [...this.#waiting]) look();
  }
}

/** One connection. */
class Client {
  readonly #socket: Deno.TcpConn;
  readonly #generate: (packet: Packet) => Uint8Array;
  #isOpen = true;

  constructor(socket: Deno.TcpConn, generate: (packet: Packet) => Uint8Array) {
    this.#socket = socket;
    this.#generate = generate;
  }

  /** False when the other side is no more. */
  async send(packet: Packet): Promise<boolean> {
    try {
      const bytes = this.#generate(packet);
      for (let sent = 0; sent < bytes.length;) {
        sent += await this.#socket.write(bytes.subarray(sent));
      }
      return true;
    } catch {
      return false; // killed: that is what it is all about
    }
  }

  close(): void {
    if (this.#isOpen) this.#socket.close();
    this.#isOpen = false;
  }
}

/** Connects, hands each packet to `received`, and resolves when the connection is over. */
const live = async (
  port: number,
  connect: { readonly clientId: string; readonly clean: boolean },
  received: (client: Client, packet: Packet) => void,
): Promise<void> => {
  const { default: mqttPacket } = await import("mqtt-packet");
  let socket: Deno.TcpConn;
  try {
    socket = await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return; // killed already
  }
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  const client = new Client(socket, (packet) => mqttPacket.generate(packet));
  parser.on("packet", (packet) => received(client, packet));
  await client.send({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    keepalive: 0,
    ...connect,
  });
  const buffer = new Uint8Array(65536);
  try {
    for (;;) {
      const read = await socket.read(buffer);
      if (read === null) break;
      parser.parse(Buffer.from(buffer.subarray(0, read)));
    }
  } catch {
    // A reset, or closed by itself: the same.
  }
  client.close();
};

/** Publishes with `window` messages in flight for as long as the broker lives, each payload once. */
export const publisher = (
  port: number,
  told: Told,
  options: {
    readonly clientId: string;
    readonly qos: 1 | 2;
    readonly window: number;
    readonly topicOf: (n: number) => string;
  },
): Promise<void> => {
  const { clientId, qos, window, topicOf } = options;
  const inFlight = new Map<number, string>();
  let n = 0;
  const next = (client: Client): void => {
    n++;
    const messageId = n % 0xffff + 1;
    const payload = `${clientId}-${n}`;
    inFlight.set(messageId, payload);
    void client.send({
      cmd: "publish",
      topic: topicOf(n),
      payload,
      qos,
      messageId,
      dup: false,
      retain: false,
    });
  };
  return live(port, { clientId, clean: true }, (client, packet) => {
    if (packet.cmd === "connack") {
      told.note(told.connected, clientId);
      for (let i = 0; i < window; i++) next(client);
    } else if (packet.cmd === "puback" || packet.cmd === "pubrec") {
      const messageId = packet.messageId ?? 0;
      const payload = inFlight.get(messageId);
      if (payload !== undefined) told.note(told.published, payload);
      inFlight.delete(messageId);
      if (packet.cmd === "pubrec") void client.send({ cmd: "pubrel", messageId });
      next(client);
    }
  });
};

/** Clients that come, subscribe and go, one after the other, for as long as the broker lives. */
export const comersAndGoers = async (
  port: number,
  told: Told,
  prefix: string,
  random: Random,
  isAlive: () => boolean,
): Promise<void> => {
  for (let n = 0; isAlive(); n++) {
    const clientId = `${prefix}-${n}`;
    const filter = `some/${clientId}`;
    const goes = random.below(3);
    await live(port, { clientId, clean: true }, (client, packet) => {
      if (packet.cmd === "connack") {
        told.note(told.connected, clientId);
        if (goes === 0) return client.close();
        void client.send({
          cmd: "subscribe",
          messageId: 1,
          subscriptions: [{ topic: filter, qos: 1 }],
        });
      } else if (packet.cmd === "suback") {
        told.note(told.subscribed, filter);
        if (goes === 1) client.close();
        else void client.send({ cmd: "disconnect" });
      }
    });
  }
};

/** The subscriber that comes back in every life; acknowledges all that it gets. */
export const faithful = (
  port: number,
  told: Told,
  subscribed: () => void = () => {},
): Promise<void> =>
  live(port, { clientId: "faithful", clean: false }, (client, packet) => {
    if (packet.cmd === "connack") {
      told.note(told.connected, "faithful");
      if (packet.sessionPresent) return subscribed();
      void client.send({
        cmd: "subscribe",
        messageId: 1,
        subscriptions: [{ topic: "faithful/#", qos: 1 }],
      });
    } else if (packet.cmd === "suback") {
      told.note(told.subscribed, "faithful/#");
      subscribed();
    } else if (packet.cmd === "publish") {
      told.note(told.received, packet.payload.toString());
      void client.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    }
  });
