/**
 * MQTT.js as far as tests use it: its own types come with the package, which deno.lock does not have
 * (see packages.ts). For the client of the tests see MqttClient.ts.
 */
import type {
  IConnackPacket,
  IConnectPacket,
  IDisconnectPacket,
  IPublishPacket,
  ISubscription,
} from "mqtt-packet";
import { MQTT_JS } from "./packages.ts";

/** What a connection is made with. */
export interface Options extends Partial<Omit<IConnectPacket, "cmd" | "password">> {
  readonly host: string;
  readonly port: number;
  readonly protocol?: "mqtt" | "mqtts" | "ws" | "wss";
  readonly password?: string;
  /** Of a WebSocket. */
  readonly path?: string;
  /** Certificates to trust, as PEM. */
  readonly ca?: string;
  /** Milliseconds; 0: it connects once. */
  readonly reconnectPeriod: number;
}

export type Publishing = Partial<Pick<IPublishPacket, "qos" | "retain" | "dup" | "properties">>;

export type Subscribing = Omit<ISubscription, "topic">;

type OnMessage = (topic: string, payload: Uint8Array, packet: IPublishPacket) => void;

/** A client. */
export interface MqttJs {
  /** Over TCP and TLS a node:net Socket. */
  readonly stream: { readonly localPort?: number };
  on(event: "connect", listener: (connack: IConnackPacket) => void): void;
  on(event: "disconnect", listener: (packet: IDisconnectPacket) => void): void;
  on(event: "error", listener: (error: Error & { readonly code?: unknown }) => void): void;
  on(event: "close", listener: () => void): void;
  on(event: "message", listener: OnMessage): void;
  off(event: "message", listener: OnMessage): void;
  publishAsync(topic: string, payload: string | Uint8Array, options: Publishing): Promise<unknown>;
  subscribeAsync(
    topic: string | ReadonlyArray<string>,
    options: Subscribing,
  ): Promise<ReadonlyArray<{ readonly qos: number }>>;
  unsubscribeAsync(topic: string | ReadonlyArray<string>): Promise<unknown>;
  endAsync(force: boolean, packet?: Partial<IDisconnectPacket>): Promise<void>;
  /** The packet identifier that it used last. */
  getLastMessageId(): number;
}

/** Loads it, on first use since that needs permissions. Throws where the lock is another than the tests'. */
export const loadMqttJs = async (): Promise<{ connect(options: Options): MqttJs }> => {
  try {
    return (await import(MQTT_JS)).default;
  } catch (cause) {
    throw new Error("no MQTT.js: use deno task test, or --lock=tests/deno.lock", { cause });
  }
};
