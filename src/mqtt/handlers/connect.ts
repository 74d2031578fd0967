/**
 * CONNECT: who may come in, under which name, to which session. MQTT 5.0 section 3.1
 *
 * It answers with an Admission and tells the events up to client_connack; the connection acts on it.
 */
import { Buffer } from "node:buffer";
import type { ListenerLimits } from "../../domain/BrokerSettings.ts";
import { isTooDeep } from "../../domain/TopicFilter.ts";
import type { BrokerContext, Connected } from "../BrokerContext.ts";
import type { Listener } from "../Listener.ts";
import type { Asker, Verdict } from "../ports/Access.ts";
import type { ByteSink } from "../ports/ByteSink.ts";
import type { ClientOwner } from "../session/Client.ts";
import { Client } from "../session/Client.ts";
import { mayPublish } from "../session/mayPublish.ts";
import type { Will } from "../session/Will.ts";
import { bodyOffsetOf } from "../wire/FrameReader.ts";
import { isUtf8 } from "../../domain/isUtf8.ts";
import type { ConnectInfo } from "../events/Hooks.ts";
import type { ClientInfo } from "../../domain/ClientInfo.ts";
import { MqttError } from "../wire/MqttError.ts";
import type { Connect } from "../wire/PacketCodec.ts";
import { claimedVersion, decodeConnect, encode, UnsupportedProtocol } from "../wire/PacketCodec.ts";
import { connackReturnCode, ReasonCode, reasonName } from "../wire/ReasonCode.ts";
import { sessionExpiryOf } from "./sessionExpiry.ts";

/** Seconds that a 5.0 client without a keep-alive is given where the listener wants one. */
const IMPOSED_KEEPALIVE = 60;

/** The connection that a CONNECT came by, as far as its admission concerns it. */
export interface Applicant extends ClientOwner {
  readonly sink: ByteSink;
  readonly listener: Listener;
  readonly ipaddress: string;
  /** Asks on its behalf whether its credentials are good. */
  readonly asker: Asker;
}

/** What becomes of a CONNECT. */
export type Admission =
  /** It waits, and is to be handled anew when `HookSink.holds` its client no longer. */
  | { readonly _tag: "Crowded"; readonly frame: Uint8Array; readonly clientid: string }
  | {
    readonly _tag: "Refused";
    /** To be sent before the connection is closed; undefined: it is closed without a word. */
    readonly connack: Uint8Array | undefined;
  }
  | Connected & {
    readonly _tag: "Admitted";
    /** To be sent before all else. [MQTT-3.2.0-1] */
    readonly connack: Uint8Array;
    readonly connectInfo: ConnectInfo;
    /** Whether the session was there already. */
    readonly present: boolean;
  }
  /** Its credentials are being verified, or its presence is being stored. */
  | {
    readonly _tag: "Pending";
    /** How it goes on, to be called only if the connection still waits. Never rejects. */
    readonly settled: Promise<() => Admission>;
    /** To be called instead if the connection waits no longer. */
    readonly abandoned: (() => void) | undefined;
  };

/** @throws MqttError when the frame is no good CONNECT, and no answer is due */
export const handleConnect = (
  context: BrokerContext,
  applicant: Applicant,
  frame: Uint8Array,
  bodyOffset: number,
): Admission => {
  let packet: Connect;
  try {
    packet = decodeConnect(frame, bodyOffset);
  } catch (error) {
    if (error instanceof UnsupportedProtocol) return refuseProtocol(context, applicant, error);
    if (error instanceof MqttError && claimedVersion(frame, bodyOffset) === 5) {
      const { listener, ipaddress } = applicant;
      context.reports.broken(listener.name, ipaddress, undefined, `ProtocolError(${error.what})`);
      return { _tag: "Refused", connack: connack5(error.reasonCode) }; // [MQTT-3.1.4-1]
    }
    throw error;
  }
  if (context.hooks.sink.holds(packet.clientId)) {
    return { _tag: "Crowded", frame, clientid: packet.clientId };
  }
  const { limits } = applicant.listener;
  const assigned = packet.clientId === "" ? context.newClientId() : undefined;
  const request = new ConnectRequest(context, applicant, packet, assigned);
  context.hooks.clientConnect(request.connectInfo);
  const refusal = refusalOf(request, limits);
  if (refusal !== undefined) return request.refuse(refusal);
  if (packet.username === undefined) {
    return limits.allowAnonymous
      ? request.accept(undefined)
      : request.refuse(ReasonCode.NotAuthorized);
  }
  const password = packet.password === undefined ? undefined : ownBytes(packet.password);
  return verify(request, packet.username, password);
};

/** Asks whether the credentials are good; once more if by the time of the verdict another Access would give it. */
const verify = (
  request: ConnectRequest,
  username: string,
  password: Uint8Array | undefined,
): Admission => {
  const { context: { access, onDefect }, applicant } = request;
  const { revision } = access;
  const verdict = access.authenticate(username, password, applicant.asker);
  if (typeof verdict === "string") {
    return request.judge(verdict, () => verify(request, username, password));
  }
  const judge = (verdict: Verdict): Admission =>
    access.revision === revision
      ? request.judge(verdict, () => verify(request, username, password))
      : verify(request, username, password);
  return {
    _tag: "Pending",
    settled: verdict.then(
      (verdict) => () => judge(verdict),
      (error) => {
        onDefect(error);
        return () => judge("bad");
      },
    ),
    abandoned: undefined,
  };
};

/** The answer to a protocol level that this server does not know. 3.1.1: [MQTT-3.1.2-2] */
const refuseProtocol = (
  context: BrokerContext,
  applicant: Applicant,
  { level, packet }: UnsupportedProtocol,
): Admission => {
  if (packet !== undefined) {
    const info = connectInfo(
      context,
      infoOf(context, applicant, packet, packet.clientId),
      packet,
      level,
    );
    context.hooks.clientConnect(info);
    context.hooks.clientConnack(info, ReasonCode.UnsupportedProtocolVersion);
    const { name } = applicant.listener;
    context.reports.refused(name, info, reasonName(ReasonCode.UnsupportedProtocolVersion));
  }
  context.hooks.counters.answersConnect(
    applicant.listener.name,
    ReasonCode.UnsupportedProtocolVersion,
  );
  return {
    _tag: "Refused",
    connack: encode({ cmd: "connack", returnCode: 1, sessionPresent: false }, 4),
  };
};

/** The answer to a first packet that is larger than it may be, of which only the beginning is there; undefined: none. */
export const refusalOfLarge = (begun: Uint8Array): Uint8Array | undefined =>
  claimedVersion(begun, bodyOffsetOf(begun)) === 5
    ? connack5(ReasonCode.PacketTooLarge) // [MQTT-3.1.4-1]
    : undefined;

const connack5 = (reasonCode: ReasonCode): Uint8Array =>
  encode({ cmd: "connack", reasonCode, sessionPresent: false }, 5);

const infoOf = (
  context: BrokerContext,
  applicant: Applicant,
  packet: Connect,
  clientid: string,
): ClientInfo => ({
  node: context.nodeId,
  ipaddress: applicant.ipaddress,
  clientid,
  username: packet.username ?? "undefined",
});

const connectInfo = (
  { hooks }: BrokerContext,
  info: ClientInfo,
  packet: Connect,
  level: number,
): ConnectInfo => {
  const user_properties = hooks.sink.isDetailed ? packet.properties?.userProperties : undefined;
  const asked = {
    ...info,
    keepalive: packet.keepalive ?? 0,
    proto_ver: level,
    ...(user_properties === undefined ? {} : { user_properties }),
  };
  const clean = packet.clean === true;
  return level < 5 ? { ...asked, clean_session: clean } : { ...asked, clean_start: clean };
};

const willOf = (packet: Connect): Will | undefined => {
  const { will } = packet;
  if (will === undefined) return undefined;
  const expiry = will.properties?.messageExpiryInterval;
  return {
    topic: will.topic,
    payload: ownBytes(will.payload as Uint8Array), // a parsed payload is bytes
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    forward: packet.forward,
    expiryInterval: expiry === undefined ? Infinity : expiry * 1000,
    delay: (will.properties?.willDelayInterval ?? 0) * 1000,
  };
};

/** A copy: what a packet holds is a view of the read buffer. */
const ownBytes = (bytes: Uint8Array): Uint8Array => new Uint8Array(bytes);

const refusalOf = (
  { packet, assigned }: ConnectRequest,
  limits: ListenerLimits,
): ReasonCode | undefined => {
  const is5 = packet.protocolVersion === 5;
  if (assigned !== undefined) {
    // 3.1 knows no empty client identifier; 3.1.1 only with a clean session. 3.1.1: [MQTT-3.1.3-8]
    if (!is5 && (packet.protocolVersion === 3 || !packet.clean)) {
      return ReasonCode.ClientIdentifierNotValid;
    }
  } else if (Buffer.byteLength(packet.clientId) > limits.maxClientidLen) {
    return ReasonCode.ClientIdentifierNotValid;
  }
  if (limits.clientId === "username" && packet.clientId !== packet.username) {
    return ReasonCode.ClientIdentifierNotValid;
  }
  if (packet.properties?.authenticationMethod !== undefined) {
    return ReasonCode.BadAuthenticationMethod; // [MQTT-4.12.0-1]
  }
  const { will } = packet;
  if (will?.properties?.payloadFormatIndicator && !isUtf8(will.payload as Uint8Array)) {
    return ReasonCode.PayloadFormatInvalid; // section 3.1.3.2.3; a parsed payload is bytes
  }
  if (will !== undefined && isTooDeep(will.topic, limits.maxTopicLevels)) {
    return ReasonCode.TopicNameInvalid;
  }
  if ((will?.qos ?? 0) > limits.maxQosAllowed) return ReasonCode.QoSNotSupported; // [MQTT-3.2.2-12]
  if (packet.keepalive === 0 && !limits.allowZeroKeepalive && !is5) {
    return ReasonCode.ServerUnavailable;
  }
  return undefined;
};

/** What a client that may come in is granted. */
interface Acceptable {
  readonly _tag: "Acceptable";
  /** Milliseconds that its session outlives the connection. */
  readonly expiryInterval: number;
  /** Seconds. */
  readonly keepalive: number;
  /** That of a session that was not there before. */
  readonly connack: Uint8Array;
}

/** A CONNECT that has been read, until it is accepted or refused. */
class ConnectRequest {
  readonly connectInfo: ConnectInfo;
  readonly #info: ClientInfo;
  /** Made at once: while credentials are verified the packet's bytes are overwritten. */
  readonly #will: Will | undefined;

  constructor(
    readonly context: BrokerContext,
    readonly applicant: Applicant,
    readonly packet: Connect,
    /** The client identifier that the server chose. */
    readonly assigned: string | undefined,
  ) {
    this.#info = infoOf(context, applicant, packet, assigned ?? packet.clientId);
    this.connectInfo = connectInfo(context, this.#info, packet, packet.protocolVersion);
    this.#will = willOf(packet);
  }

  /** @param again verifies its credentials anew */
  judge(verdict: Verdict, again: () => Admission): Admission {
    const { allowAnonymous } = this.applicant.listener.limits;
    if (verdict === "good" || (verdict === "unknown" && allowAnonymous)) return this.accept(again);
    return this.refuse(
      verdict === "busy" ? ReasonCode.ServerUnavailable : ReasonCode.BadUserNameOrPassword,
    );
  }

  /** Nothing follows a refusal. [MQTT-3.1.4-6] [MQTT-3.2.2-6] [MQTT-3.2.2-7] */
  refuse(reason: ReasonCode): Admission {
    const { context, packet, applicant: { listener } } = this;
    context.hooks.counters.answersConnect(listener.name, reason);
    context.hooks.clientConnack(this.connectInfo, reason);
    context.reports.refused(listener.name, this.connectInfo, reasonName(reason));
    const frame = packet.protocolVersion === 5 ? connack5(reason) : encode({
      cmd: "connack",
      returnCode: connackReturnCode(reason),
      sessionPresent: false,
    }, packet.protocolVersion);
    return {
      _tag: "Refused",
      connack: frame.length <= this.#maximumPacketSize ? frame : undefined, // [MQTT-3.1.2-24]
    };
  }

  get #maximumPacketSize(): number {
    return this.packet.properties?.maximumPacketSize ?? Infinity;
  }

  /** Whether there may be a session more, if it needs one. */
  get #hasRoom(): boolean {
    const { sessions, limits, isMemoryShort } = this.context;
    if (sessions.get(this.#info.clientid) !== undefined) return true;
    return !isMemoryShort && (limits.maxSessions === 0 || sessions.size < limits.maxSessions);
  }

  /**
   * Lets it in, as soon as a crash would not leave it online for ever: where that is to be waited for, the
   * Admission is pending, and what may have changed by then is looked at again.
   *
   * @param again verifies its credentials anew; undefined: it has none
   */
  accept(again: (() => Admission) | undefined): Admission {
    const request = this.#acceptable;
    if (request._tag !== "Acceptable") return request;
    const { context: { access, presence, sessions } } = this;
    const isKept = request.expiryInterval > 0 && sessions.areKept;
    const stored = presence?.arriving(this.#info, isKept);
    if (stored === undefined) return this.#letIn(request);
    const { revision } = access;
    const abandoned = () => sessions.tellPresence(this.#info);
    return {
      _tag: "Pending",
      settled: stored.then(() => () => {
        if (again !== undefined && access.revision !== revision) {
          abandoned(); // it may be refused now
          return again();
        }
        const request = this.#acceptable;
        if (request._tag === "Acceptable") return this.#letIn(request);
        abandoned();
        return request;
      }),
      abandoned,
    };
  }

  /** What it is to be granted, if it may come in; else its refusal. */
  get #acceptable(): Acceptable | Admission {
    const { context, applicant, packet } = this;
    const { sessions } = context;
    const { listener } = applicant;
    const { limits } = listener;
    const info = this.#info;
    if (this.#will !== undefined && !mayPublish(context.access, info, this.#will.topic)) {
      return this.refuse(ReasonCode.NotAuthorized);
    }
    // A client that takes over its own connection needs no place of another's.
    const isOneMore = sessions.get(info.clientid)?.client === undefined;
    if (isOneMore && listener.connected >= limits.maxConnections) {
      return this.refuse(ReasonCode.ServerUnavailable);
    }
    if (!this.#hasRoom) return this.refuse(ReasonCode.QuotaExceeded);
    const is5 = packet.protocolVersion === 5;
    const properties = packet.properties;
    const requestedExpiry = properties?.sessionExpiryInterval ?? 0;
    const expiryInterval = is5
      ? sessionExpiryOf(requestedExpiry, limits.maxSessionExpiryInterval)
      : packet.clean
      ? 0
      : limits.sessionExpiryInterval;
    const keepalive = is5 && packet.keepalive === 0 && !limits.allowZeroKeepalive
      ? IMPOSED_KEEPALIVE
      : packet.keepalive ?? 0;
    const connack = this.#connack(expiryInterval, keepalive, false);
    if (connack.length > this.#maximumPacketSize) { // [MQTT-3.1.2-24]
      return this.refuse(ReasonCode.PacketTooLarge);
    }
    return { _tag: "Acceptable", expiryInterval, keepalive, connack };
  }

  #letIn({ expiryInterval, keepalive, connack }: Acceptable): Admission {
    const { context, applicant, packet, connectInfo } = this;
    const { limits } = applicant.listener;
    const { properties } = packet;
    const info = this.#info;
    const { session, present } = context.sessions.open(
      info,
      limits,
      packet.clean === true,
      expiryInterval,
    );
    const client = new Client({
      owner: applicant,
      sink: applicant.sink,
      info,
      version: packet.protocolVersion,
      limits,
      will: this.#will,
      connectedAt: context.now(),
      keepalive,
      cleanStart: packet.clean === true,
      sessionPresent: present,
      keepaliveTimeout: keepalive * 1000 * limits.keepaliveBackoff * 2,
      receiveMaximum: properties?.receiveMaximum ?? 0xffff,
      maximumPacketSize: this.#maximumPacketSize,
      topicAliasMaximum: properties?.topicAliasMaximum ?? 0,
      requestProblemInformation: properties?.requestProblemInformation ?? true,
      sessionExpires: (properties?.sessionExpiryInterval ?? 0) > 0,
    });
    context.hooks.counters.answersConnect(applicant.listener.name, ReasonCode.Success);
    context.hooks.clientConnack(connectInfo, ReasonCode.Success);
    return {
      _tag: "Admitted",
      connack: present ? this.#connack(expiryInterval, keepalive, true) : connack,
      client,
      session,
      connectInfo,
      present,
    };
  }

  /** What the server grants: milliseconds that the session outlives the connection, keep-alive in seconds. */
  #connack(expiryInterval: number, keepalive: number, sessionPresent: boolean): Uint8Array {
    const { packet, assigned } = this;
    const { limits } = this.applicant.listener;
    if (packet.protocolVersion !== 5) {
      return encode({
        cmd: "connack",
        returnCode: 0,
        sessionPresent: sessionPresent && packet.protocolVersion === 4, // 3.1 has no such flag
      }, packet.protocolVersion);
    }
    const requestedExpiry = sessionExpiryOf(packet.properties?.sessionExpiryInterval ?? 0, 0);
    return encode({
      cmd: "connack",
      reasonCode: ReasonCode.Success,
      sessionPresent, // [MQTT-3.2.2-2] [MQTT-3.2.2-3]
      properties: {
        ...(expiryInterval === requestedExpiry
          ? {}
          : { sessionExpiryInterval: Math.floor(expiryInterval / 1000) }),
        receiveMaximum: limits.maxInflight,
        ...(limits.maxQosAllowed < 2 ? { maximumQoS: limits.maxQosAllowed } : {}), // [MQTT-3.2.2-9]
        maximumPacketSize: limits.maxPacketSize,
        ...(assigned === undefined ? {} : { assignedClientIdentifier: assigned }), // [MQTT-3.2.2-16]
        topicAliasMaximum: limits.maxTopicAliases,
        ...(keepalive === packet.keepalive ? {} : { serverKeepAlive: keepalive }),
      },
    }, 5);
  }
}
