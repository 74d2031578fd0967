/**
 * Builds hook events, and only those that a rule wants. Fields: domain/HookEvent.ts.
 *
 * Nothing here decides anything about MQTT: callers say what happened, at the moment it happens.
 */
import type { HookEvent, MessagePublish } from "../../domain/HookEvent.ts";
import type { RmqttDetails, RmqttOptions } from "../../domain/RmqttBody.ts";
import { DropReason } from "../../domain/DropReason.ts";
import type { QoS } from "../../domain/QoS.ts";
import type { Clock } from "../ports/Clock.ts";
import type { HookSink } from "../ports/HookSink.ts";
import type { MessageState } from "../ports/SessionStore.ts";
import type { ClientInfo, PublisherKind } from "../../domain/ClientInfo.ts";
import { BrokerCounters } from "./BrokerCounters.ts";
import { connackText } from "./connackText.ts";
import type { ReasonCode } from "../wire/ReasonCode.ts";

/** What a CONNECT asked for, as three events repeat it. */
export interface ConnectInfo extends ClientInfo {
  readonly keepalive: number;
  readonly proto_ver: number;
  readonly clean_session?: boolean;
  readonly clean_start?: boolean;
  /** Where they are to be told. */
  readonly user_properties?: NonNullable<RmqttDetails["user_properties"]>;
}

/** A message as its events tell it. */
export type ToldMessage = Omit<MessageState, "expiresAt" | "forward" | "size">;

/** A message on its way to one recipient as its events tell it: the PUBLISH that was or would be sent. */
export interface ToldDelivery {
  readonly message: ToldMessage;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
}

export class Hooks {
  readonly counters = new BrokerCounters();

  constructor(readonly sink: HookSink, readonly clock: Clock) {}

  clientConnect(connect: ConnectInfo): void {
    if (this.sink.wants("client_connect")) {
      this.#emit({ _tag: "client_connect", ...connect });
    }
  }

  clientConnack(connect: ConnectInfo, reason: ReasonCode): void {
    if (!this.sink.wants("client_connack")) return;
    const conn_ack = connackText(connect.proto_ver, reason);
    this.#emit({ _tag: "client_connack", ...connect, conn_ack });
  }

  clientConnected(connect: ConnectInfo, sessionPresent: boolean): void {
    if (!this.sink.wants("client_connected")) return;
    this.#emit({
      _tag: "client_connected",
      ...connect,
      connected_at: this.clock.now(),
      session_present: sessionPresent,
    });
  }

  clientDisconnected(client: ClientInfo, reason: string): void {
    this.counters.disconnectsOne(reason);
    if (!this.sink.wants("client_disconnected")) return;
    this.#emit({
      _tag: "client_disconnected",
      ...client,
      disconnected_at: this.clock.now(),
      reason,
    });
  }

  sessionCreated(client: ClientInfo, createdAt: number): void {
    if (!this.sink.wants("session_created")) return;
    this.#emit({ _tag: "session_created", ...client, created_at: createdAt });
  }

  sessionTerminated(client: ClientInfo, reason: string): void {
    if (this.sink.wants("session_terminated")) {
      this.#emit({ _tag: "session_terminated", ...client, reason });
    }
  }

  /** `qos` is the one requested; `more` is what else was, where it is to be told. */
  clientSubscribe(client: ClientInfo, topic: string, qos: QoS, more?: RmqttOptions): void {
    if (this.sink.wants("client_subscribe", topic)) {
      const opts = more === undefined ? { qos } : { qos, ...more };
      this.#emit({ _tag: "client_subscribe", ...client, topic, opts });
    }
  }

  /** `qos` is the one granted; `more` as of `clientSubscribe`. */
  sessionSubscribed(client: ClientInfo, topic: string, qos: QoS, more?: RmqttOptions): void {
    if (this.sink.wants("session_subscribed", topic)) {
      const opts = more === undefined ? { qos } : { qos, ...more };
      this.#emit({ _tag: "session_subscribed", ...client, topic, opts });
    }
  }

  clientUnsubscribe(client: ClientInfo, topic: string): void {
    if (this.sink.wants("client_unsubscribe", topic)) {
      this.#emit({ _tag: "client_unsubscribe", ...client, topic });
    }
  }

  sessionUnsubscribed(client: ClientInfo, topic: string): void {
    if (this.sink.wants("session_unsubscribed", topic)) {
      this.#emit({ _tag: "session_unsubscribed", ...client, topic });
    }
  }

  messagePublish(message: ToldMessage): void {
    if (this.sink.wants("message_publish", message.topic)) {
      this.#emit(published(message), fromType(message));
    }
  }

  messageDelivered(client: ClientInfo, outgoing: ToldDelivery): void {
    this.counters.publishSent(outgoing.qos);
    this.#delivery("message_delivered", client, outgoing);
  }

  messageAcked(client: ClientInfo, outgoing: ToldDelivery): void {
    this.#delivery("message_acked", client, outgoing);
  }

  offlineMessage(client: ClientInfo, outgoing: ToldDelivery): void {
    this.#delivery("offline_message", client, outgoing);
  }

  /** A message that one recipient does not get. */
  messageDropped(client: ClientInfo, outgoing: ToldDelivery, reason: string): void {
    this.counters.dropsOne(reason);
    if (!this.sink.wants("message_dropped", outgoing.message.topic)) return;
    const delivery = deliveryOf("message_delivered", client, outgoing, this.clock.now());
    this.#emit({ ...delivery, _tag: "message_dropped", reason }, fromType(outgoing.message));
  }

  /** A message that nobody gets. */
  messageRefused(message: ToldMessage): void {
    this.counters.dropsOne(DropReason.PublishRefused);
    if (!this.sink.wants("message_dropped", message.topic)) return;
    this.#emit({
      ...published(message),
      _tag: "message_dropped",
      reason: DropReason.PublishRefused,
      pts: message.publishedAt,
      ts: this.clock.now(),
    }, fromType(message));
  }

  #emit(event: HookEvent, details?: RmqttDetails): void {
    const { sink } = this;
    sink.emit(sink.isDetailed ? { ...event, ...details, time: this.clock.now() } : event);
  }

  #delivery(name: DeliveryName, client: ClientInfo, outgoing: ToldDelivery): void {
    if (this.sink.wants(name, outgoing.message.topic)) {
      const event = deliveryOf(name, client, outgoing, this.clock.now());
      this.#emit(event, fromType(outgoing.message));
    }
  }
}

type DeliveryName = "message_delivered" | "message_acked" | "offline_message";

const fromType = ({ from }: ToldMessage): RmqttDetails => FROM_TYPES[from.as ?? "client"];

/** In RMQTT's words. */
const FROM_TYPES: Readonly<Record<PublisherKind, RmqttDetails>> = {
  client: { from_type: "custom" },
  admin: { from_type: "admin" },
  will: { from_type: "lastwill" },
};

// Written out and not spread: these two are made for every message.

const published = (message: ToldMessage): MessagePublish => {
  const { from } = message;
  return {
    _tag: "message_publish",
    from_node: from.node,
    from_ipaddress: from.ipaddress,
    from_clientid: from.clientid,
    from_username: from.username,
    dup: message.dup,
    retain: message.retain,
    qos: message.qos,
    topic: message.topic,
    packet_id: message.packetId,
    payload: message.payload,
    ts: message.publishedAt,
  };
};

const deliveryOf = <Name extends DeliveryName>(
  name: Name,
  client: ClientInfo,
  outgoing: ToldDelivery,
  now: number,
) => {
  const { message } = outgoing;
  const { from } = message;
  return {
    _tag: name,
    from_node: from.node,
    from_ipaddress: from.ipaddress,
    from_clientid: from.clientid,
    from_username: from.username,
    node: client.node,
    ipaddress: client.ipaddress,
    clientid: client.clientid,
    username: client.username,
    dup: outgoing.dup,
    retain: outgoing.retain,
    qos: outgoing.qos,
    topic: message.topic,
    packet_id: outgoing.packetId,
    payload: message.payload,
    pts: message.publishedAt,
    ts: now,
  };
};
