/** CONNECT: who may come in, under which name, to which session. MQTT 5.0 section 3.1 */
import { Buffer } from "node:buffer";
import type { ListenerLimits } from "../../domain/BrokerSettings.ts";
import type { Verdict } from "../ports/Access.ts";
import { Client, type Will } from "../session/Client.ts";
import type { Connection } from "../Connection.ts";
import { isUtf8 } from "../wire/isUtf8.ts";
import type { ConnectInfo } from "../events/Hooks.ts";
import type { ClientInfo } from "../../domain/ClientInfo.ts";
import { MqttError } from "../wire/MqttError.ts";
import {
  claimedVersion,
  type Connect,
  decodeConnect,
  encode,
  UnsupportedProtocol,
} from "../wire/PacketCodec.ts";
import { connackReturnCode, ReasonCode } from "../wire/ReasonCode.ts";

/** Never expires. MQTT 5.0 section 3.1.2.11.2 */
const forever = 0xffffffff;

/** Seconds that a 5.0 client without a keep-alive is given where the listener wants one. */
const imposedKeepalive = 60;

/** Seconds of a 5.0 session expiry as milliseconds, within the listener's maximum (0: none). */
export const sessionExpiryOf = (seconds: number, maximum: number): number => {
  const wanted = seconds === forever ? Infinity : seconds * 1000;
  return maximum === 0 ? wanted : Math.min(wanted, maximum);
};

/** @throws MqttError when the frame is no good CONNECT */
export const handleConnect = (
  connection: Connection,
  frame: Uint8Array,
  bodyOffset: number,
): void => {
  let packet: Connect;
  try {
    packet = decodeConnect(frame, bodyOffset);
  } catch (error) {
    if (error instanceof UnsupportedProtocol) {
      refuseProtocol(connection, error);
      return;
    }
    if (error instanceof MqttError && claimedVersion(frame, bodyOffset) === 5) {
      connection.sink.write(connack5(error.reasonCode)); // [MQTT-3.1.4-1]
    }
    throw error;
  }
  const { broker, intake } = connection;
  const { limits } = intake;
  const assigned = packet.clientId === "" ? broker.newClientId() : undefined;
  const request = new ConnectRequest(connection, packet, assigned);
  broker.hooks.clientConnect(request.connectInfo);
  const refusal = refusalOf(request, limits);
  if (refusal !== undefined) {
    request.refuse(refusal);
    return;
  }
  if (packet.username === undefined) {
    if (limits.allowAnonymous) request.accept();
    else request.refuse(ReasonCode.NotAuthorized);
    return;
  }
  const verdict = broker.access.authenticate(
    packet.username,
    packet.password === undefined ? undefined : ownBytes(packet.password),
    {
      admitsUnknown: limits.allowAnonymous,
      isWaiting: () => connection.state._tag === "Authenticating",
    },
  );
  if (typeof verdict === "string") {
    request.judge(verdict);
    return;
  }
  connection.authenticating();
  verdict.catch((error): Verdict => {
    broker.onDefect(error);
    return "bad";
  }).then((verdict) => connection.authenticated(() => request.judge(verdict)));
};

/** The answer to a protocol level that this server does not know. 3.1.1: [MQTT-3.1.2-2] */
const refuseProtocol = (connection: Connection, { level, packet }: UnsupportedProtocol): void => {
  const { broker, sink } = connection;
  if (packet !== undefined) {
    const info = connectInfo(infoOf(connection, packet, packet.clientId), packet, level);
    broker.hooks.clientConnect(info);
    broker.hooks.clientConnack(info, ReasonCode.UnsupportedProtocolVersion);
  }
  sink.write(encode({ cmd: "connack", returnCode: 1, sessionPresent: false }, 4));
  connection.close("refused");
};

const connack5 = (reasonCode: ReasonCode): Uint8Array =>
  encode({ cmd: "connack", reasonCode, sessionPresent: false }, 5);

const infoOf = (connection: Connection, packet: Connect, clientid: string): ClientInfo => ({
  node: connection.broker.nodeId,
  ipaddress: connection.ipaddress,
  clientid,
  username: packet.username ?? "undefined",
});

const connectInfo = (info: ClientInfo, packet: Connect, level: number): ConnectInfo => {
  const asked = { ...info, keepalive: packet.keepalive ?? 0, proto_ver: level };
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
  if (packet.properties?.authenticationMethod !== undefined) {
    return ReasonCode.BadAuthenticationMethod; // [MQTT-4.12.0-1]
  }
  const { will } = packet;
  if (will?.properties?.payloadFormatIndicator && !isUtf8(will.payload as Uint8Array)) {
    return ReasonCode.PayloadFormatInvalid; // section 3.1.3.2.3; a parsed payload is bytes
  }
  if ((will?.qos ?? 0) > limits.maxQosAllowed) return ReasonCode.QoSNotSupported; // [MQTT-3.2.2-12]
  if (packet.keepalive === 0 && !limits.allowZeroKeepalive && !is5) {
    return ReasonCode.ServerUnavailable;
  }
  return undefined;
};

/** A CONNECT that has been read, until it is accepted or refused. */
class ConnectRequest {
  readonly connectInfo: ConnectInfo;
  readonly #info: ClientInfo;
  /** Made at once: while credentials are verified the packet's bytes are overwritten. */
  readonly #will: Will | undefined;

  constructor(
    readonly connection: Connection,
    readonly packet: Connect,
    /** The client identifier that the server chose. */
    readonly assigned: string | undefined,
  ) {
    this.#info = infoOf(connection, packet, assigned ?? packet.clientId);
    this.connectInfo = connectInfo(this.#info, packet, packet.protocolVersion);
    this.#will = willOf(packet);
  }

  judge(verdict: Verdict): void {
    const { allowAnonymous } = this.connection.intake.limits;
    if (verdict === "good" || (verdict === "unknown" && allowAnonymous)) this.accept();
    else if (verdict === "busy") this.refuse(ReasonCode.ServerUnavailable);
    else this.refuse(ReasonCode.BadUserNameOrPassword);
  }

  /** Nothing follows a refusal. [MQTT-3.1.4-6] [MQTT-3.2.2-6] [MQTT-3.2.2-7] */
  refuse(reason: ReasonCode): void {
    const { connection, packet } = this;
    connection.broker.hooks.clientConnack(this.connectInfo, reason);
    const frame = packet.protocolVersion === 5 ? connack5(reason) : encode({
      cmd: "connack",
      returnCode: connackReturnCode(reason),
      sessionPresent: false,
    }, packet.protocolVersion);
    if (frame.length <= this.#maximumPacketSize) connection.sink.write(frame);
    connection.close("refused");
  }

  get #maximumPacketSize(): number {
    return this.packet.properties?.maximumPacketSize ?? Infinity;
  }

  accept(): void {
    const { connection, packet, connectInfo } = this;
    const { broker, intake, sink } = connection;
    const { limits } = intake;
    const info = this.#info;
    // A client that takes over its own connection needs no place of another's.
    const isOneMore = broker.sessions.get(info.clientid)?.client === undefined;
    if (isOneMore && intake.connected >= limits.maxConnections) {
      this.refuse(ReasonCode.ServerUnavailable);
      return;
    }
    const is5 = packet.protocolVersion === 5;
    const properties = packet.properties;
    const requestedExpiry = properties?.sessionExpiryInterval ?? 0;
    const expiryInterval = is5
      ? sessionExpiryOf(requestedExpiry, limits.maxSessionExpiryInterval)
      : packet.clean
      ? 0
      : limits.sessionExpiryInterval;
    const keepalive = is5 && packet.keepalive === 0 && !limits.allowZeroKeepalive
      ? imposedKeepalive
      : packet.keepalive ?? 0;
    const connack = this.#connack(expiryInterval, keepalive, false);
    if (connack.length > this.#maximumPacketSize) { // [MQTT-3.1.2-24]
      this.refuse(ReasonCode.PacketTooLarge);
      return;
    }
    const { session, present } = broker.openSession(info, intake, packet.clean === true);
    session.expiryInterval = expiryInterval;
    const client = new Client({
      connection,
      sink,
      session,
      info,
      version: packet.protocolVersion,
      limits,
      will: this.#will,
      keepaliveTimeout: keepalive * 1000 * limits.keepaliveBackoff * 2,
      receiveMaximum: properties?.receiveMaximum ?? 0xffff,
      maximumPacketSize: this.#maximumPacketSize,
      topicAliasMaximum: properties?.topicAliasMaximum ?? 0,
      requestProblemInformation: properties?.requestProblemInformation ?? true,
      sessionExpires: requestedExpiry > 0,
    });
    broker.hooks.clientConnack(connectInfo, ReasonCode.Success);
    client.write(present ? this.#connack(expiryInterval, keepalive, true) : connack);
    connection.connected(client);
    broker.hooks.clientConnected(connectInfo, present);
    session.resume(client);
  }

  /** What the server grants: milliseconds that the session outlives the connection, keep-alive in seconds. */
  #connack(expiryInterval: number, keepalive: number, sessionPresent: boolean): Uint8Array {
    const { packet, assigned } = this;
    const { limits } = this.connection.intake;
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
