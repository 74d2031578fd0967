/**
 * A connected client: what its CONNECT settled, and how messages are put on its wire. Lives from
 * CONNACK to the end of the connection; what outlives it is in `Session.ts`.
 */
import type { ListenerLimits } from "../../domain/BrokerSettings.ts";
import type { ByteSink } from "../ports/ByteSink.ts";
import type { ClientInfo } from "../../domain/ClientInfo.ts";
import type { Outgoing } from "./Outgoing.ts";
import type { OutboundPacket, ProtocolVersion } from "../wire/PacketCodec.ts";
import { acknowledgement, encode } from "../wire/PacketCodec.ts";
import { PacketType } from "../wire/PacketType.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";
import { patchedFrame, publishFrame } from "../wire/PublishFrame.ts";
import type { Will } from "./Will.ts";

/** Bytes waiting for a client beyond which its messages are queued instead of written. */
const CONGESTION_MARK = 256 * 1024;

/**
 * Characters of the topics that this server sets aliases for. What a client allows is 65,535 topics of up
 * to 64 KB each, which would be kept for it.
 */
const ALIASED_TEXT = 64 * 1024;

/** The connection that a client has. */
export interface ClientOwner {
  /**
   * Ends the connection.
   *
   * @param reason as client_disconnected says it
   * @param reasonCode what a 5.0 client is told in DISCONNECT; absent when it has gone itself
   */
  close(reason: string, reasonCode?: ReasonCode): void;
}

export interface ClientOptions {
  readonly owner: ClientOwner;
  readonly sink: ByteSink;
  readonly info: ClientInfo;
  readonly version: ProtocolVersion;
  readonly limits: ListenerLimits;
  readonly will: Will | undefined;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
  /** Seconds, as its CONNECT or the server's CONNACK has it. */
  readonly keepalive: number;
  /** Whether its CONNECT asked for a session without a past. */
  readonly cleanStart: boolean;
  /** Whether it found one. */
  readonly sessionPresent: boolean;
  /** Milliseconds without a packet after which it is gone; 0: never. */
  readonly keepaliveTimeout: number;
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  readonly requestProblemInformation: boolean;
  /** Whether CONNECT asked for a session that outlives the connection. */
  readonly sessionExpires: boolean;
}

export class Client {
  readonly info: ClientInfo;
  readonly version: ProtocolVersion;
  readonly is5: boolean;
  readonly limits: ListenerLimits;
  readonly connectedAt: number;
  readonly keepalive: number;
  readonly cleanStart: boolean;
  readonly sessionPresent: boolean;
  readonly keepaliveTimeout: number;
  /** QoS 1 and 2 messages that may be unacknowledged at one time. [MQTT-3.3.4-9] */
  readonly window: number;
  readonly requestProblemInformation: boolean;
  /** Whether the session outlives this connection unless DISCONNECT says otherwise. */
  readonly sessionExpires: boolean;
  will: Will | undefined;
  /** QoS 2 messages that came in on this connection and were not released yet. MQTT 5.0 section 4.9 */
  unreleased = 0;
  /** The topics that this client's aliases stand for; made on the first use. */
  inboundAliases: Map<number, string> | undefined;

  readonly #owner: ClientOwner;
  readonly #sink: ByteSink;
  readonly #maximumPacketSize: number;
  readonly #topicAliasMaximum: number;
  #outboundAliases: Map<string, number> | undefined;
  /** Characters of the topics in it. */
  #aliasedText = 0;

  constructor(options: ClientOptions) {
    this.#owner = options.owner;
    this.info = options.info;
    this.version = options.version;
    this.is5 = options.version === 5;
    this.limits = options.limits;
    this.connectedAt = options.connectedAt;
    this.keepalive = options.keepalive;
    this.cleanStart = options.cleanStart;
    this.sessionPresent = options.sessionPresent;
    this.keepaliveTimeout = options.keepaliveTimeout;
    this.window = Math.min(options.limits.maxInflight, options.receiveMaximum);
    this.requestProblemInformation = options.requestProblemInformation;
    this.sessionExpires = options.sessionExpires;
    this.will = options.will;
    this.#sink = options.sink;
    this.#maximumPacketSize = options.maximumPacketSize;
    this.#topicAliasMaximum = options.topicAliasMaximum;
  }

  /** Whether it reads too slowly for what it is sent. */
  get congested(): boolean {
    return this.#sink.buffered > CONGESTION_MARK;
  }

  /** Ends its connection; as `ClientOwner` says. */
  close(reason: string, reasonCode?: ReasonCode): void {
    this.#owner.close(reason, reasonCode);
  }

  /** What is written in this turn waits until what has happened by its end is safe. */
  hold(): void {
    this.#sink.hold();
  }

  write(frame: Uint8Array): void {
    this.#sink.write(frame);
  }

  /** Sends a packet; answers false when it is larger than the client accepts. [MQTT-3.1.2-24] */
  send(packet: OutboundPacket): boolean {
    const frame = encode(packet, this.version);
    if (frame.length > this.#maximumPacketSize) return false;
    this.#sink.write(frame);
    return true;
  }

  /** Sends a PUBREL. MQTT 5.0 section 3.6; 3.x has no reason codes. */
  pubrel(packetId: number, reasonCode: ReasonCode): void {
    if (reasonCode === ReasonCode.Success || !this.is5) {
      this.write(acknowledgement(PacketType.PUBREL, packetId));
    } else this.send({ cmd: "pubrel", messageId: packetId, reasonCode });
  }

  /** Sends a PUBLISH; answers false when it is larger than the client accepts. [MQTT-3.1.2-24] */
  sendPublish(outgoing: Outgoing, now: number): boolean {
    const frame = this.#frame(outgoing, now);
    if (frame.length > this.#maximumPacketSize) return false;
    this.#sink.write(frame);
    return true;
  }

  #frame(outgoing: Outgoing, now: number): Uint8Array {
    const { message, qos, retain, identifiers, dup, packetId } = outgoing;
    if (!this.is5 || (identifiers === undefined && this.#topicAliasMaximum === 0)) {
      return message.frame(this.is5, qos, retain, dup, packetId, now);
    }
    const known = this.#outboundAliases?.get(message.topic);
    const alias = known ?? this.#newAlias(message.topic);
    const frame = publishFrame(message, true, qos, retain, {
      identifiers,
      ...(message.expiresAt === Infinity ? {} : { expiry: message.secondsLeft(now) }),
      ...(alias === undefined ? {} : { alias, aliasKnown: known !== undefined }),
    });
    if (
      known === undefined && alias !== undefined && frame.bytes.length <= this.#maximumPacketSize
    ) {
      (this.#outboundAliases ??= new Map()).set(message.topic, alias);
      this.#aliasedText += message.topic.length;
    }
    return patchedFrame(frame, dup, packetId);
  }

  /** The next unused alias: the first topics get one, up to the client's maximum and ALIASED_TEXT. [MQTT-3.1.2-26] [MQTT-3.1.2-27] */
  #newAlias(topic: string): number | undefined {
    const used = this.#outboundAliases?.size ?? 0;
    return used < this.#topicAliasMaximum && this.#aliasedText + topic.length <= ALIASED_TEXT
      ? used + 1
      : undefined;
  }
}
