/**
 * One client's connection: the protocol's state machine. Bytes come in by `receive`, go out by the
 * ByteSink; a packet that is not allowed in the present state ends the connection.
 *
 * Packets that could cause events wait while there is no room for them (`HookSink.pressure`), and so does
 * the rest of a packet of many parts. A waiting connection goes on reading a little way, so that its pings
 * are answered, and then stops reading; TCP holds the client back.
 *
 * Over 400 lines: one state machine, of which each part needs the state.
 */
import { copyBytes } from "./wire/allocateBytes.ts";
import type { ByteSink } from "./ports/ByteSink.ts";
import type { Listener } from "./Listener.ts";
import type { Asker } from "./ports/Access.ts";
import type { Safety } from "./ports/Safety.ts";
import type { Client } from "./session/Client.ts";
import type { Deadline } from "../collections/Deadlines.ts";
import { Deque } from "../collections/Deque.ts";
import type { BrokerContext, Connected } from "./BrokerContext.ts";
import { PacketType } from "./wire/PacketType.ts";
import { EndReason } from "./events/EndReason.ts";
import { bodyOffsetOf, FrameReader } from "./wire/FrameReader.ts";
import { handleAuth } from "./handlers/auth.ts";
import type { Admission, Applicant } from "./handlers/connect.ts";
import { handleConnect, refusalOfLarge } from "./handlers/connect.ts";
import { handleDisconnect } from "./handlers/disconnect.ts";
import { PacketParts } from "./handlers/PacketParts.ts";
import { handlePublish } from "./handlers/publish.ts";
import { handlePubrel } from "./handlers/pubrel.ts";
import { handleSubscribe } from "./handlers/subscribe.ts";
import { handleUnsubscribe } from "./handlers/unsubscribe.ts";
import { MqttError } from "./wire/MqttError.ts";
import type { InboundPacket } from "./wire/PacketCodec.ts";
import { decode, PINGRESP } from "./wire/PacketCodec.ts";
import { ReasonCode } from "./wire/ReasonCode.ts";
import { strangerIn } from "./wire/strangerIn.ts";

/** Where a connection is in its life. */
export type ConnectionState =
  | { readonly _tag: "AwaitingConnect" }
  /** CONNECT is there; whether it is admitted is being found out. */
  | { readonly _tag: "Admitting" }
  | Connected & { readonly _tag: "Connected" }
  | { readonly _tag: "Closed" };

/** What a connection tells the broker that has it. */
export interface ConnectionOwner {
  /** It waits for `resume`. `anew`: it has gone on since it came to wait, and others are first now. */
  hold(connection: Connection, anew: boolean): void;
  /** It waits no longer. */
  release(connection: Connection): void;
  /** It is closed; called once, and before its client's session hears of it. */
  closed(connection: Connection): void;
}

const AWAITING_CONNECT: ConnectionState = { _tag: "AwaitingConnect" };
const ADMITTING: ConnectionState = { _tag: "Admitting" };
const CLOSED: ConnectionState = { _tag: "Closed" };

/** Bytes of waiting packets up to which a held connection goes on reading, to find pings. */
const LOOK_AHEAD = 64 * 1024;

/** What a waiting packet occupies beside its bytes: of pings, which are two bytes long, 64 KiB held 3.5 MB. */
const FRAME_OVERHEAD = 100;

/**
 * Bytes waiting to be sent beyond which nothing more is read: a client that asks and never reads the
 * answers holds up itself, not the broker's memory.
 */
const UNSENT_LIMIT = 1024 * 1024;

export class Connection implements Applicant, Asker {
  #state: ConnectionState = AWAITING_CONNECT;
  readonly #frames: FrameReader;
  /** Frames read ahead while the connection is held, copied, oldest first. */
  readonly #waiting = new Deque<Uint8Array>();
  #waitingBytes = 0;
  /** A packet of many parts that is not done yet; nothing else is done before. */
  #rest: PacketParts | undefined;
  /** A CONNECT that waits for room that its client has taken itself. */
  #crowded: { readonly frame: Uint8Array; readonly clientid: string } | undefined;
  #isHeld = false;
  #isReading = true;
  /** The other side has closed, failed or gone silent: what waits is processed, then this ends it. */
  #ending: { readonly reason: string; readonly reasonCode: ReasonCode | undefined } | undefined;
  /** What its first bytes were, where they were none of MQTT. */
  #stranger: string | undefined;
  #lastReceived: number;
  #deadline: Deadline;

  constructor(
    readonly context: BrokerContext,
    readonly owner: ConnectionOwner,
    readonly sink: ByteSink,
    readonly listener: Listener,
    readonly ipaddress: string,
    waited = 0,
  ) {
    const { limits } = listener;
    this.#frames = new FrameReader(limits.maxFirstPacketSize);
    this.#lastReceived = context.look();
    this.#deadline = context.deadlines.schedule(
      this.#lastReceived + Math.max(0, limits.handshakeTimeout - waited),
      this.#handshakeOver,
    );
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get asker(): Asker {
    return this;
  }

  get address(): string {
    return this.ipaddress;
  }

  get admitsUnknown(): boolean {
    return this.listener.limits.allowAnonymous;
  }

  /** What its acknowledgements wait for. */
  get safety(): Safety {
    return this.context.hooks.sink;
  }

  get isWaiting(): boolean {
    return this.#state._tag === "Admitting";
  }

  /** Bytes have come in; they may be overwritten after the call. */
  receive(chunk: Uint8Array): void {
    if (this.#state._tag === "Closed") return;
    this.#lastReceived = this.context.look();
    if (this.#state._tag === "AwaitingConnect" && this.#frames.buffered === 0) {
      this.#stranger = strangerIn(chunk);
    }
    this.listener.receivedBytes += chunk.length;
    this.#frames.push(chunk);
    this.#process();
    this.#frames.settle();
  }

  /** The sink has sent what it had: queued messages may go, and a client that did not read is read again. */
  drained(): void {
    this.context.look();
    try {
      if (this.#state._tag === "Connected") this.#state.session.pump();
    } catch (error) {
      this.#fail(error);
    }
    if (this.#isHeld) this.resume();
  }

  /** The other side closed the connection, or it broke. */
  ended(reason: typeof EndReason.RemoteClose | typeof EndReason.ReadWriteError): void {
    if (this.#state._tag === "Closed") return;
    this.context.look();
    this.#ending = { reason, reasonCode: undefined };
    if (this.#isHeld) this.resume();
    else this.close(reason);
  }

  /** There may be room again: processes what waits. */
  resume(): void {
    if (this.#state._tag === "Closed") return;
    this.#excuseSilence(this.context.look());
    this.#process();
    this.#frames.settle();
  }

  /**
   * Ends the connection.
   *
   * @param reason as client_disconnected says it
   * @param reasonCode what a 5.0 client is told in DISCONNECT; absent when it has gone itself
   * @param what more about it, for the client's Reason String
   */
  close(reason: string, reasonCode?: ReasonCode, what?: string): void {
    const state = this.#state;
    if (state._tag === "Closed") return;
    this.#state = CLOSED;
    this.#rest?.end();
    this.context.deadlines.cancel(this.#deadline);
    this.owner.closed(this);
    if (reason.startsWith("ProtocolError(")) {
      const { name } = this.listener;
      const info = state._tag === "Connected" ? state.client.info : undefined;
      this.context.reports.broken(name, this.ipaddress, info, this.#stranger ?? reason);
    }
    if (state._tag === "Connected") {
      const { client, session } = state;
      this.listener.connected--;
      if (client.is5 && reasonCode !== undefined) {
        const explained = what !== undefined && client.requestProblemInformation &&
          client.send({ cmd: "disconnect", reasonCode, properties: { reasonString: what } });
        if (!explained) client.send({ cmd: "disconnect", reasonCode }); // [MQTT-3.14.2-3]
      }
      this.sink.end(reason.startsWith(EndReason.Disconnect)); // [MQTT-3.14.4-1] [MQTT-3.14.4-2]
      try {
        this.context.sessions.disconnected(session, client, reason);
      } catch (error) {
        this.context.onDefect(error); // no caller could do more about it
      }
    } else this.sink.end();
  }

  /** Acts on what CONNECT was answered with. */
  #admit(admission: Admission): void {
    switch (admission._tag) {
      case "Pending":
        this.#state = ADMITTING;
        this.context.deadlines.cancel(this.#deadline);
        admission.settled.then((goOn) => this.#judged(goOn, admission.abandoned));
        return;
      case "Refused":
        this.sink.hold(); // client_connack is told
        if (admission.connack !== undefined) this.sink.write(admission.connack);
        return this.close("refused");
      case "Crowded":
        this.#crowded = { frame: copyBytes(admission.frame), clientid: admission.clientid };
        return;
      case "Admitted": {
        const { client, session, connack, connectInfo, present } = admission;
        this.sink.hold();
        this.sink.write(connack);
        this.sink.letIn();
        this.#frames.maxPacketSize = this.listener.limits.maxPacketSize;
        this.context.deadlines.cancel(this.#deadline);
        this.#state = { _tag: "Connected", client, session };
        this.#lastReceived = this.context.monotonic(); // verifying its credentials took our time, not its own
        this.listener.connected++;
        if (client.keepaliveTimeout > 0) this.#awaitPackets(client);
        this.context.reports.connected?.(this.listener.name, client.info);
        this.context.hooks.clientConnected(connectInfo, present);
        session.resume(client);
      }
    }
  }

  /** What its admission waited for is there: nothing comes of it when the client has gone meanwhile. */
  #judged(goOn: () => Admission, abandoned: (() => void) | undefined): void {
    if (this.#state._tag !== "Admitting") return abandoned?.();
    this.context.look();
    try {
      this.#admit(goOn());
    } catch (error) {
      this.#fail(error);
    }
    this.resume();
  }

  #process(): void {
    let wentOn = false;
    try {
      while (this.#state._tag !== "Closed") {
        if (this.#rest !== undefined) {
          if (this.#restMustWait(this.#rest)) return this.#hold(wentOn);
          wentOn = true;
          this.#goOnWith(this.#rest);
          continue;
        }
        if (this.#crowded !== undefined) {
          if (this.#mustHold(PacketType.CONNECT)) return this.#hold(wentOn);
          wentOn = true;
          const { frame } = this.#crowded;
          this.#crowded = undefined;
          this.#handle(frame, bodyOffsetOf(frame));
          continue;
        }
        const first = this.#waiting.peek()?.[0] ?? this.#frames.peek();
        if (first === undefined) break;
        if (this.#state._tag === "AwaitingConnect" && first >> 4 !== PacketType.CONNECT) {
          this.close("ProtocolError(packet before CONNECT)"); // [MQTT-3.1.0-1]
          return;
        }
        if (this.#mustHold(first >> 4)) {
          this.#hold(wentOn);
          return;
        }
        wentOn = true;
        const waiting = this.#waiting.shift();
        if (waiting !== undefined) {
          this.#waitingBytes -= waiting.length + FRAME_OVERHEAD;
          this.#handle(waiting, bodyOffsetOf(waiting));
          continue;
        }
        const frame = this.#frames.next();
        if (frame === undefined) break;
        this.#handle(frame, this.#frames.bodyOffset);
      }
      this.#goOn();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Nothing waits any more. */
  #goOn(): void {
    if (this.#state._tag === "Closed") return;
    if (this.#isHeld) {
      this.#isHeld = false;
      this.owner.release(this);
    }
    if (!this.#isReading) {
      this.#isReading = true;
      this.sink.setReading(true);
    }
    if (this.#ending !== undefined) this.close(this.#ending.reason, this.#ending.reasonCode);
  }

  #mustHold(type: number): boolean {
    if (this.#state._tag === "Admitting") return true;
    if (this.#isNotRead) return true;
    const { sink } = this.context.hooks;
    if (this.#state._tag === "AwaitingConnect") {
      return sink.pressure === "full" || !sink.admits || this.#isHeldAlone;
    }
    if (sink.pressure === "full" || this.#isHeldAlone) {
      return type !== PacketType.PINGREQ && type !== PacketType.DISCONNECT;
    }
    return sink.pressure !== "open" &&
      (type === PacketType.PUBLISH || type === PacketType.SUBSCRIBE ||
        type === PacketType.UNSUBSCRIBE);
  }

  /** One that has ended will read nothing more: to wait for it would be for ever. */
  get #isNotRead(): boolean {
    return this.sink.buffered > UNSENT_LIMIT && this.#ending === undefined;
  }

  /** Whether its own events hold it. */
  get #isHeldAlone(): boolean {
    const state = this.#state;
    const clientid = state._tag === "Connected"
      ? state.client.info.clientid
      : this.#crowded?.clientid;
    return clientid !== undefined && this.context.hooks.sink.holds(clientid);
  }

  /** Whatever the pressure: a packet that has had a slice is one of very many parts. */
  #restMustWait(rest: PacketParts): boolean {
    return rest.isWaiting || this.#isNotRead || this.context.hooks.sink.pressure !== "open" ||
      this.#isHeldAlone;
  }

  /** Its first slice was let in with the packet. */
  #begin(parts: Iterator<undefined, void>): void {
    this.#rest = new PacketParts(parts, this.context, () => this.resume());
    this.#goOnWith(this.#rest);
  }

  #goOnWith(rest: PacketParts): void {
    rest.goOn();
    if (rest.isDone) this.#rest = undefined;
  }

  /**
   * Lets everything wait but pings; reads on only as far as `LOOK_AHEAD`. `anew`: it has not waited since it
   * went on. For milliseconds nothing is looked through: that and the copies cost more than the wait.
   */
  #hold(anew: boolean): void {
    this.#isHeld = true;
    this.owner.hold(this, anew);
    const brief = this.context.hooks.sink.pressure === "brief";
    while (!brief && this.#waitingBytes < LOOK_AHEAD) {
      const frame = this.#nextToWait();
      if (frame === undefined) break;
      const answerNow = this.#state._tag === "Connected" && isPingreq(frame) &&
        this.sink.buffered <= UNSENT_LIMIT; // before CONNACK nothing is sent [MQTT-3.2.0-1]
      if (answerNow) this.sink.write(PINGRESP);
      else {
        this.#waiting.push(copyBytes(frame));
        this.#waitingBytes += frame.length + FRAME_OVERHEAD;
      }
    }
    const reading = this.#waitingBytes + this.#frames.buffered < LOOK_AHEAD;
    if (reading !== this.#isReading) {
      this.#isReading = reading;
      this.sink.setReading(reading);
    }
  }

  /** A fault in the stream waits too: what came before it is processed first, and then it is found again. */
  #nextToWait(): Uint8Array | undefined {
    try {
      return this.#frames.next();
    } catch (error) {
      if (error instanceof MqttError) return undefined;
      throw error;
    }
  }

  #handle(frame: Uint8Array, bodyOffset: number): void {
    const state = this.#state;
    switch (state._tag) {
      case "AwaitingConnect":
        this.#admit(handleConnect(this.context, this, frame, bodyOffset));
        break;
      case "Connected":
        this.#dispatch(state, decode(frame, bodyOffset, state.client.version));
        break;
    }
  }

  #dispatch(connected: Connected, packet: InboundPacket): void {
    const { session } = connected;
    switch (packet.cmd) {
      case "publish":
        return handlePublish(this.context, connected, packet);
      case "puback":
        // FrameCheck saw a packet identifier in each of these.
        return session.puback(packet.messageId as number);
      case "pubrec":
        return session.pubrec(packet.messageId as number, packet.reasonCode ?? 0);
      case "pubrel":
        return handlePubrel(connected, packet.messageId as number);
      case "pubcomp":
        return session.pubcomp(packet.messageId as number);
      case "subscribe":
        return this.#begin(handleSubscribe(this.context, connected, packet));
      case "unsubscribe":
        return this.#begin(handleUnsubscribe(this.context, connected, packet));
      case "pingreq":
        return this.sink.write(PINGRESP); // [MQTT-3.12.4-1]
      case "disconnect":
        return this.close(handleDisconnect(connected, packet));
      case "auth":
        return handleAuth();
      case "connect": // decode refuses a second one
        return;
    }
  }

  #fail(error: unknown): void {
    if (!(error instanceof MqttError)) {
      this.context.onDefect(error);
      this.close(
        "ProtocolError(implementation specific error)",
        ReasonCode.ImplementationSpecificError,
      );
      return;
    }
    if (this.#state._tag === "AwaitingConnect" && error.reasonCode === ReasonCode.PacketTooLarge) {
      const connack = refusalOfLarge(this.#frames.begun);
      if (connack !== undefined) this.sink.write(connack);
    }
    this.close(`ProtocolError(${error.what})`, error.reasonCode, error.what);
  }

  readonly #handshakeOver = (now: number): void => {
    if (this.#isHeld) {
      // Its CONNECT may be among what waits.
      this.#deadline = this.context.deadlines.schedule(
        now + this.listener.limits.handshakeTimeout,
        this.#handshakeOver,
      );
    } else this.close("ProtocolError(no CONNECT in time)");
  };

  /** A client that is not read can't be heard, unless it is for its own failure to read. */
  #excuseSilence(now: number): void {
    if (!this.#isReading && this.sink.buffered <= UNSENT_LIMIT) this.#lastReceived = now;
  }

  /** What it has sent, and waits for room only, is processed before its end. */
  #silent(): void {
    const end = {
      reason: EndReason.KeepaliveTimeout,
      reasonCode: ReasonCode.KeepAliveTimeout,
    } as const;
    const waits = this.#waiting.length > 0 || this.#rest !== undefined;
    if (waits && this.sink.buffered <= UNSENT_LIMIT) this.#ending ??= end;
    else this.close(end.reason, end.reasonCode);
  }

  /** One deadline per connection, moved when it comes and not with each packet. [MQTT-3.1.2-22] */
  #awaitPackets(client: Client): void {
    this.#deadline = this.context.deadlines.schedule(
      this.#lastReceived + client.keepaliveTimeout,
      (now) => {
        this.#excuseSilence(now);
        if (this.#lastReceived + client.keepaliveTimeout > now) this.#awaitPackets(client);
        else this.#silent();
      },
    );
  }
}

const isPingreq = (frame: Uint8Array): boolean =>
  frame.length === 2 && frame[0] === PacketType.PINGREQ << 4;
