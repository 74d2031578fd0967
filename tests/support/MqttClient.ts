/**
 * The MQTT.js client as tests use it: one connection that never reconnects by itself, with promises
 * for all that a test waits for. MQTT.js is imported on first use, since importing it needs
 * permissions.
 */
import type { IConnackPacket, IDisconnectPacket, IPublishPacket } from "mqtt-packet";
import type { MqttJs, Options, Publishing, Subscribing } from "./mqttJs.ts";
import { loadMqttJs } from "./mqttJs.ts";
import { PATIENCE } from "./patience.ts";

/** MQTT 3.1, 3.1.1 and 5.0, by their number in CONNECT. */
export type ProtocolVersion = 3 | 4 | 5;

export type ConnectOptions =
  & Omit<Options, "host" | "protocolVersion" | "protocolId" | "reconnectPeriod">
  & { readonly version?: ProtocolVersion };

/** A CONNACK that refuses, or a connection closed before one. */
export class ConnectRefused extends Error {
  constructor(readonly code: number | undefined, message: string) {
    super(message);
  }
}

/** A connected client. */
export class MqttClient {
  /** Every PUBLISH received, in order. */
  readonly messages: Array<IPublishPacket> = [];
  /** Settles when the connection is gone, with the server's DISCONNECT if it sent one. */
  readonly closed: Promise<IDisconnectPacket | undefined>;
  readonly #waiting = new Set<() => void>();

  private constructor(
    readonly client: MqttJs,
    readonly connack: IConnackPacket,
    /** As the server sees it: `"127.0.0.1:51234"`; the port is unknown over WebSocket. */
    readonly address: string,
  ) {
    let disconnect: IDisconnectPacket | undefined;
    client.on("disconnect", (packet) => disconnect = packet);
    this.closed = new Promise((resolve) => client.on("close", () => resolve(disconnect)));
  }

  /** Connects; rejects with `ConnectRefused`. */
  static async connect({ version = 4, ...options }: ConnectOptions): Promise<MqttClient> {
    const mqtt = await loadMqttJs();
    const client = mqtt.connect({
      host: "127.0.0.1",
      protocol: "mqtt",
      clean: true,
      keepalive: 60,
      ...options,
      protocolVersion: version,
      protocolId: version === 3 ? "MQIsdp" : "MQTT",
      reconnectPeriod: 0,
    });
    // Messages of a resumed session come with CONNACK: listen before it.
    const early: Array<IPublishPacket> = [];
    const keep = (_: string, __: unknown, packet: IPublishPacket) => void early.push(packet);
    client.on("message", keep);
    return await new Promise((resolve, reject) => {
      let cause: (Error & { code?: unknown }) | undefined;
      client.on("error", (error) => cause = error);
      client.on("close", () => {
        const code = typeof cause?.code === "number" ? cause.code : undefined;
        reject(new ConnectRefused(code, cause?.message ?? "closed before CONNACK"));
      });
      client.on("connect", (connack) => {
        const self = new MqttClient(client, connack, `127.0.0.1:${client.stream.localPort}`);
        self.messages.push(...early);
        client.off("message", keep);
        client.on("message", (_, __, packet) => {
          self.messages.push(packet);
          for (const look of [...self.#waiting]) look();
        });
        resolve(self);
      });
    });
  }

  /** Resolves when the publish is done: sent (QoS 0), PUBACK (1), PUBCOMP (2). */
  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: Publishing = {},
  ): Promise<void> {
    await this.client.publishAsync(topic, payload, options);
  }

  /** Resolves with the granted levels, in order; 128 and above are refusals. */
  async subscribe(
    topic: string | ReadonlyArray<string>,
    options: Partial<Subscribing> = {},
  ): Promise<ReadonlyArray<number>> {
    const granted = await this.client.subscribeAsync(topic, { qos: 0, ...options });
    return granted.map(({ qos }) => qos);
  }

  async unsubscribe(topic: string | ReadonlyArray<string>): Promise<void> {
    await this.client.unsubscribeAsync(topic);
  }

  /** Resolves with the first PUBLISH on `topic`, or rejects when `within` milliseconds have passed. */
  message(topic: string, within = PATIENCE): Promise<IPublishPacket> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const found = this.messages.find((packet) => packet.topic === topic);
        if (found === undefined) return;
        settle();
        resolve(found);
      };
      const deadline = setTimeout(() => {
        settle();
        const topics = this.messages.map((packet) => packet.topic).join(", ");
        reject(new Error(`no message on ${topic} within ${within} ms; came: ${topics || "none"}`));
      }, within);
      const settle = () => {
        clearTimeout(deadline);
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Says DISCONNECT and closes. */
  async end(packet: Partial<IDisconnectPacket> = {}): Promise<void> {
    await this.client.endAsync(false, packet);
  }

  /** Closes the connection without a DISCONNECT, as a crash does. */
  async drop(): Promise<void> {
    await this.client.endAsync(true);
  }
}
