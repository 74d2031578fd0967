/**
 * A client's state that outlives its connections: subscriptions, what is queued for it, what is in
 * flight to it, and which QoS 2 messages it has begun to send. MQTT 5.0 section 4.1
 *
 * Every message that comes in by `deliver`, or out of a RetainedDelivery, leaves by exactly one of:
 * acknowledged, sent (QoS 0), released (QoS 2, when the session ends before PUBCOMP), message_dropped.
 * (What a RetainedDelivery finds and the client may not have is passed over: it stays retained.)
 *
 * Over 400 lines because it is one lifetime: queue, window and what is sent again decide about each other.
 */
import type { ListenerLimits } from "../../domain/BrokerSettings.ts";
import type { QoS } from "../../domain/QoS.ts";
import { levelCount } from "../../domain/TopicFilter.ts";
import type { Client } from "./Client.ts";
import type { Deadline, Deadlines } from "../../collections/Deadlines.ts";
import { Deque } from "../../collections/Deque.ts";
import type { Hooks } from "../events/Hooks.ts";
import { DropReason } from "../../domain/DropReason.ts";
import type { Access } from "../ports/Access.ts";
import type { RestoredSession, SessionState, SessionStore } from "../ports/SessionStore.ts";
import type { Message } from "../routing/Message.ts";
import type { ClientInfo } from "../../domain/ClientInfo.ts";
import { protocolError } from "../wire/MqttError.ts";
import { Outgoing } from "./Outgoing.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";
import { Reception } from "./Reception.ts";
import { RetainedDelivery } from "./RetainedDelivery.ts";
import type { Will } from "./Will.ts";
import type { PubSub } from "../routing/PubSub.ts";
import type { SharedGroup, Subscriber, Subscription } from "../routing/Subscription.ts";
import { makeSubscription } from "../routing/Subscription.ts";

/**
 * Retained messages, and places looked at in search of them, for one session between two ticks of the
 * broker: so often may a client ask for all there are, and the others do not wait for it.
 */
const RETAINED_STEPS = 10_000;

/**
 * How many of `max_subscriptions` one to this filter takes: what it costs a PUBLISH that it may match grows
 * with its levels and its length, and how many others match the same topic with the `+` among them. Of
 * 10,000 places, some 4,300 filters at the most match one topic, however they are chosen.
 */
const placesOf = (topic: string): number => {
  const wildcards = topic.split("+").length - 1; // in a valid filter each is a level
  return Math.max(
    Math.ceil(levelCount(topic) / 8),
    Math.ceil(topic.length / 256),
    2 ** Math.min(Math.max(0, wildcards - 2), 20),
  );
};

/** What sessions share with the broker they belong to. */
export interface SessionHost {
  readonly hooks: Hooks;
  readonly deadlines: Deadlines;
  readonly pubSub: PubSub;
  readonly access: Pick<Access, "receiving" | "revision">;
  /** Where sessions that outlive their connections are kept; undefined: they end with the process. */
  readonly sessionStore: SessionStore | undefined;
  /** No message is to be queued. */
  readonly isMemoryShort: boolean;
  /** Wall time. */
  now(): number;
  /** The time of `deadlines`, and of what expires. */
  monotonic(): number;
}

export class Session implements Subscriber, SessionState {
  /** Undefined while the client is away. */
  client: Client | undefined;
  /** When its client left last, in wall time, and why. */
  left: { readonly at: number; readonly reason: string } | undefined;
  /** By topic filter as the client wrote it. */
  readonly subscriptions = new Map<string, Subscription>();
  /** QoS 2 packet identifiers received and not yet released. [MQTT-4.3.3-10] */
  readonly #received = new Set<number>();
  #expiryInterval = 0;
  /** Where it is kept for a process to come; undefined: it is not. */
  #store: SessionStore | undefined;
  expiry: Deadline | undefined;
  /** A will that waits for its delay. */
  delayedWill: { readonly will: Will; readonly deadline: Deadline } | undefined;

  // RoutingNotes
  routingRound = 0;
  routingQos: QoS = 0;
  routingRetain = false;
  routingIdentifiers: Array<number> | undefined;

  /** Made when somebody is denied something. */
  #reception: Reception | undefined;
  /** Taken by `subscriptions`. */
  #places = 0;
  readonly #queue = new Deque<Outgoing | RetainedDelivery>();
  /** Of the messages in it. */
  #queuedBytes = 0;
  /** Of `#queue`, by the subscription's topic: they keep their place while they are worked off. */
  readonly #retained = new Map<string, RetainedDelivery>();
  #retainedSteps = 0;
  #retainedDeadline: Deadline | undefined;
  /** Sent or released, in the order of sending. */
  readonly #inflight = new Map<number, Outgoing>();
  /** Of `#inflight`: still to be sent again, since the window of the new connection is full. */
  #resend: Array<Outgoing> = [];
  #lastPacketId = 0;
  #queueDeadline: Deadline | undefined;

  constructor(
    readonly id: string,
    /** Rises from session to session: by it a list of them goes on where it ended, whoever came and went. */
    readonly number: number,
    readonly createdAt: number,
    /** Of the connection it has, or had last. */
    public info: ClientInfo,
    public limits: ListenerLimits,
    readonly host: SessionHost,
  ) {}

  /** Messages that wait: queued behind the window, or for the client to come back. */
  get queued(): number {
    return this.#queue.length - this.#retained.size;
  }

  /** QoS 1 and 2 messages sent, and not acknowledged to the end. */
  get inflight(): number {
    return this.#inflight.size;
  }

  /** Whether a QoS 1 or 2 message would be sent at once. */
  get readyToSend(): boolean {
    return this.#canSendNext(1);
  }

  get connected(): boolean {
    return this.client !== undefined;
  }

  /** Milliseconds that it outlives a connection; 0: not at all, Infinity: for ever. */
  get expiryInterval(): number {
    return this.#expiryInterval;
  }

  /** Whether it outlives the process. */
  get isKept(): boolean {
    return this.#store !== undefined;
  }

  /** Sets how long it outlives its connections, in milliseconds. To be called whenever a client has it anew, too. */
  outlive(interval: number): void {
    this.#expiryInterval = interval;
    if (interval === 0) this.#keepNoLonger();
    else if (this.#store !== undefined) this.#store.changed(this);
    else {
      // Only a new one: what was not to outlive its connection has ended with it.
      this.#store = this.host.sessionStore;
      this.#store?.opened(this);
    }
  }

  /** Becomes what it was before the process began, but for what it has outgoing; before anything else. */
  restore({ expiryInterval, received, subscriptions }: RestoredSession): void {
    const { sessionStore, pubSub } = this.host;
    this.#expiryInterval = expiryInterval;
    this.#store = sessionStore;
    for (const packetId of received) this.#received.add(packetId);
    for (const { topic, ...options } of subscriptions) {
      const subscription = makeSubscription(this, topic, options);
      if (subscription === undefined) continue; // what was subscribed is well formed
      this.#places += placesOf(topic);
      this.subscriptions.set(topic, subscription);
      pubSub.subscribe(subscription, undefined);
    }
  }

  /** Takes back what it had outgoing, once all sessions have their subscriptions. */
  restoreOutgoing(found: Iterable<Outgoing>): void {
    for (const outgoing of found) {
      if (outgoing.state === "queued") {
        this.#queue.push(outgoing);
        this.#weigh(1, outgoing.message.size);
        this.#expireQueueAt(outgoing.expiresAt);
      } else {
        this.#inflight.set(outgoing.packetId, outgoing);
        this.#lastPacketId = outgoing.packetId;
      }
    }
  }

  /** Its expiry or its will is another. */
  changed(): void {
    this.#store?.changed(this);
  }

  /** Whether the QoS 2 message of this packet identifier was received, and not yet released. */
  hasReceived(packetId: number): boolean {
    return this.#received.has(packetId);
  }

  /** A QoS 2 message was received. */
  receive(packetId: number): void {
    this.#received.add(packetId);
    this.#store?.received(this, packetId);
  }

  /**
   * PUBREL. Answers `known` or `unknown`; `stored` where the answer must wait until a crash would not bring
   * the identifier back: a next message by it would be taken for this one.
   */
  release(packetId: number): "known" | "stored" | "unknown" {
    if (!this.#received.delete(packetId)) return "unknown";
    return this.#store?.released(this, packetId) ? "stored" : "known";
  }

  /** Whether the access list lets it have a message of this topic, as it is now. */
  mayReceive(topic: string): boolean {
    const { access } = this.host;
    if (access.receiving === undefined) return true;
    return (this.#reception ??= new Reception()).allows(this.info, topic, access);
  }

  /** Whether it may have a subscription more, to this filter. */
  hasRoomFor(topic: string): boolean {
    const { maxSubscriptions } = this.limits;
    return maxSubscriptions === 0 || this.#places + placesOf(topic) <= maxSubscriptions;
  }

  /** Adds or replaces a subscription; returns whether it is new. [MQTT-3.8.4-3] */
  subscribe(subscription: Subscription): boolean {
    const existing = this.subscriptions.get(subscription.topic);
    if (existing === undefined) this.#places += placesOf(subscription.topic);
    this.subscriptions.set(subscription.topic, subscription);
    this.host.pubSub.subscribe(subscription, existing);
    this.#store?.subscribed(this, subscription, existing === undefined);
    return existing === undefined;
  }

  /** Takes a subscription out; returns false when there is none. [MQTT-3.10.4-1] */
  unsubscribe(topic: string): boolean {
    const { pubSub } = this.host;
    const subscription = this.subscriptions.get(topic);
    if (subscription === undefined) return false;
    this.subscriptions.delete(topic);
    this.#store?.unsubscribed(this, topic);
    this.#places -= placesOf(topic);
    this.#retained.get(topic)?.cancel();
    const group = pubSub.unsubscribe(subscription);
    // What was queued by a group that nobody is left in stays queued for this session. [MQTT-3.10.4-3]
    if (group !== undefined) {
      for (const { message, qos } of this.#leave(group)) pubSub.toMember(group, message, qos);
    }
    return true;
  }

  /** Takes all subscriptions out; what is queued by them stays. */
  unsubscribeAll(): void {
    for (const subscription of this.subscriptions.values()) {
      this.host.pubSub.unsubscribe(subscription);
    }
    this.subscriptions.clear();
    this.#places = 0;
  }

  /** Sends a message, or queues it behind others; drops it when the queue is full, or it may not have it. */
  deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    identifiers: ReadonlyArray<number> | undefined,
    group: SharedGroup | undefined,
  ): void {
    const own = message.expiresAt;
    // Looked at here and not in mayReceive alone: a call more is 25 ns for each recipient, of 90.
    if (this.host.access.receiving !== undefined && !this.mayReceive(message.topic)) {
      this.#drop(
        new Outgoing(message, qos, retain, identifiers, group, own),
        DropReason.PublishRefused,
      );
      return;
    }
    if (this.#canSendNext(qos)) {
      this.#send(
        new Outgoing(message, qos, retain, identifiers, group, own),
        this.host.monotonic(),
      );
      return;
    }
    const interval = this.limits.messageExpiryInterval;
    const expiresAt = own !== Infinity || interval === 0 ? own : this.host.monotonic() + interval;
    this.#enqueue(new Outgoing(message, qos, retain, identifiers, group, expiresAt));
  }

  /** Sends the retained messages that a subscription is due, as fast as the client takes them, behind what is queued. */
  deliverRetained(subscription: Subscription): void {
    const { retained } = this.host.pubSub;
    if (retained.size === 0) return;
    const underWay = this.#retained.get(subscription.topic);
    if (underWay !== undefined) underWay.restart(subscription);
    else {
      const delivery = new RetainedDelivery(subscription, retained);
      this.#retained.set(subscription.topic, delivery);
      this.#queue.push(delivery);
    }
    this.pump();
  }

  /** Takes up sending on a new connection: first again what was in flight, in order. [MQTT-4.4.0-1] [MQTT-4.6.0-1] */
  resume(client: Client): void {
    this.client = client;
    this.#resend = [];
    for (const outgoing of this.#inflight.values()) {
      if (outgoing.state === "sent") this.#resend.push(outgoing);
      else client.pubrel(outgoing.packetId, ReasonCode.Success); // no window holds it back [MQTT-3.3.4-10]
    }
    this.pump();
  }

  /** Sends what the window and the connection have room for. */
  pump(): void {
    const client = this.client;
    if (client === undefined || (this.#queue.length === 0 && this.#resend.length === 0)) return;
    const now = this.host.monotonic();
    this.#sendAgain(client, now);
    if (this.#resend.length > 0) return;
    for (let next = this.#queue.peek(); next !== undefined; next = this.#queue.peek()) {
      if (next instanceof RetainedDelivery) {
        if (!this.#sendRetained(next, now)) break;
        continue;
      }
      if (next.expiresAt <= now) {
        this.#shiftMessage(next);
        this.#done(next);
        this.#drop(next, DropReason.MessageExpiration);
        continue;
      }
      if (!this.mayReceive(next.message.topic)) { // any more: it might when the message came
        this.#shiftMessage(next);
        this.#done(next);
        this.#passOn(next, DropReason.PublishRefused);
        continue;
      }
      if (!this.#canSend(next.qos)) break;
      this.#shiftMessage(next);
      this.#send(next, now);
      next.message.forgetFrames();
    }
    if (this.#queue.length === 0) this.#cancelQueueDeadline();
  }

  /**
   * PUBACK, which ends the message whatever its reason code says. [MQTT-4.4.0-2]
   * @throws MqttError when it is not the answer to a QoS 1 message
   */
  puback(packetId: number): void {
    const outgoing = this.#inflight.get(packetId);
    if (outgoing === undefined) return; // sent twice, or of a session that is gone: nothing waits for it
    if (outgoing.qos !== 1) throw protocolError("PUBACK for a QoS 2 message");
    this.#acked(outgoing);
  }

  /** PUBREC; `reason` from 0x80 on refuses the message. @throws MqttError as `puback` */
  pubrec(packetId: number, reason: number): void {
    const outgoing = this.#inflight.get(packetId);
    if (outgoing === undefined) {
      // The client holds a message that this session forgot: release it. [MQTT-4.3.3-4]
      if (reason < 0x80) this.client?.pubrel(packetId, ReasonCode.PacketIdentifierNotFound);
      return;
    }
    if (outgoing.qos !== 2) throw protocolError("PUBREC for a QoS 1 message");
    if (reason >= 0x80) {
      this.#refused(outgoing);
      return;
    }
    outgoing.state = "released";
    this.#noLongerResend(outgoing);
    // Where it is stored as sent, a crash behind PUBREL would send it to a client that knows it no more.
    if (this.#store?.outgoing(this, outgoing)) this.client?.hold();
    this.client?.pubrel(packetId, ReasonCode.Success);
  }

  /** PUBCOMP. @throws MqttError when its message was not released */
  pubcomp(packetId: number): void {
    const outgoing = this.#inflight.get(packetId);
    if (outgoing === undefined) return; // as for PUBACK
    if (outgoing.state !== "released") throw protocolError("PUBCOMP before PUBREC");
    this.#acked(outgoing);
  }

  /**
   * Empties the session because it ends: says message_dropped of what was queued or unacknowledged and
   * goes to no other member of its shared group.
   */
  discard(reason: string): void {
    this.#cancelQueueDeadline();
    if (this.#retainedDeadline !== undefined) this.host.deadlines.cancel(this.#retainedDeadline);
    const left = [...this.#inflight.values(), ...this.#queue];
    this.#weigh(-this.queued, -this.#queuedBytes);
    this.#inflight.clear();
    this.#retained.clear();
    this.#resend = [];
    this.#queue.filter(() => false);
    for (const outgoing of left) {
      if (outgoing instanceof RetainedDelivery) continue; // not sent, and not lost: it stays retained
      this.#done(outgoing);
      // A released message has arrived; only the last word of the handshake is missing.
      if (outgoing.state !== "released") this.#passOn(outgoing, reason);
    }
    this.#keepNoLonger();
  }

  /** Takes the queued messages of a shared group out, in order: the session has left it. */
  #leave(group: SharedGroup): ReadonlyArray<Outgoing> {
    const left: Array<Outgoing> = [];
    this.#queue.filter((outgoing) => {
      if (outgoing instanceof RetainedDelivery || outgoing.group !== group) return true;
      left.push(outgoing);
      this.#done(outgoing);
      this.#weigh(-1, -outgoing.message.size);
      return false;
    });
    return left;
  }

  /** Whether a new message may go: behind one that waits every one waits, QoS 0 too, in their order. [MQTT-4.6.0-6] */
  #canSendNext(qos: QoS): boolean {
    return this.#queue.length === 0 && this.#resend.length === 0 && this.#canSend(qos);
  }

  #canSend(qos: QoS): boolean {
    const client = this.client;
    return client !== undefined && !client.congested &&
      (qos === 0 || this.#inflight.size - this.#resend.length < client.window);
  }

  /** Goes on with the first in the queue; answers whether it is done, and has left the queue. */
  #sendRetained(delivery: RetainedDelivery, now: number): boolean {
    const { qos } = delivery.subscription;
    while (!delivery.isDone) {
      if (!this.#canSend(qos)) return false;
      if (this.#retainedSteps === RETAINED_STEPS) {
        this.#retainedDeadline ??= this.host.deadlines.schedule(now + 1, () => {
          this.#retainedDeadline = undefined;
          this.#retainedSteps = 0;
          this.pump();
        });
        return false;
      }
      this.#retainedSteps++;
      const outgoing = delivery.next(now);
      // Denied: not told, since it is not lost; it stays retained.
      if (outgoing === undefined || !this.mayReceive(outgoing.message.topic)) continue;
      this.#send(outgoing, now);
      outgoing.message.forgetFrames();
    }
    this.#queue.shift();
    this.#retained.delete(delivery.subscription.topic);
    return true;
  }

  #send(outgoing: Outgoing, now: number): void {
    const client = this.client as Client; // #canSend was asked
    if (outgoing.qos > 0) outgoing.packetId = this.#newPacketId();
    if (!client.sendPublish(outgoing, now)) {
      outgoing.packetId = 0;
      this.#done(outgoing);
      this.#drop(outgoing, DropReason.PublishRefused);
      return;
    }
    if (outgoing.qos > 0) {
      outgoing.state = "sent";
      this.#inflight.set(outgoing.packetId, outgoing);
      this.#store?.outgoing(this, outgoing);
    } else this.#done(outgoing);
    this.host.hooks.messageDelivered(this.info, outgoing);
  }

  #sendAgain(client: Client, now: number): void {
    while (this.#resend.length > 0) {
      const outgoing = this.#resend[0] as Outgoing; // length > 0
      if (!this.#canSend(outgoing.qos)) return;
      this.#resend.shift();
      outgoing.dup = true; // [MQTT-3.3.1-1]
      const isAllowed = this.mayReceive(outgoing.message.topic);
      if (isAllowed && client.sendPublish(outgoing, now)) continue;
      this.#inflight.delete(outgoing.packetId);
      this.#done(outgoing);
      if (isAllowed) this.#drop(outgoing, DropReason.PublishRefused);
      else this.#passOn(outgoing, DropReason.PublishRefused);
    }
  }

  #enqueue(outgoing: Outgoing): void {
    const { size } = outgoing.message;
    const { maxMqueueLen, maxMqueueBytes } = this.limits;
    const isFull = this.queued >= maxMqueueLen || this.host.isMemoryShort ||
      (maxMqueueBytes > 0 && this.#queuedBytes + size > maxMqueueBytes);
    if (isFull) {
      this.#drop(outgoing, DropReason.MessageQueueFull);
      return;
    }
    this.#queue.push(outgoing);
    this.#weigh(1, size);
    this.#store?.outgoing(this, outgoing);
    if (this.client === undefined) this.host.hooks.offlineMessage(this.info, outgoing);
    this.#expireQueueAt(outgoing.expiresAt);
  }

  /** This session is not to have it: another member of its shared group gets it, or nobody. */
  #passOn(outgoing: Outgoing, reason: string): void {
    // A QoS 2 message once sent goes to no other member. [MQTT-4.8.2-5]
    const mayMove = outgoing.state === "queued" || outgoing.qos === 1;
    const { message, qos, group } = outgoing;
    if (group && mayMove && this.host.pubSub.toMember(group, message, qos)) return;
    this.#drop(outgoing, reason);
  }

  #drop(outgoing: Outgoing, reason: string): void {
    this.host.hooks.messageDropped(this.info, outgoing, reason);
  }

  /** Takes the first of the queue out, which is this one. */
  #shiftMessage({ message }: Outgoing): void {
    this.#queue.shift();
    this.#weigh(-1, -message.size);
  }

  /** So many messages of so many bytes wait more, or fewer where negative. */
  #weigh(messages: number, bytes: number): void {
    this.#queuedBytes += bytes;
    this.host.hooks.counters.queued += messages;
  }

  #expireQueueAt(at: number): void {
    if (at === Infinity) return;
    if (this.#queueDeadline !== undefined) {
      if (this.#queueDeadline.at <= at) return;
      this.host.deadlines.cancel(this.#queueDeadline);
    }
    this.#queueDeadline = this.host.deadlines.schedule(at, (now) => {
      this.#queueDeadline = undefined;
      let next = Infinity;
      this.#queue.filter((outgoing) => {
        if (outgoing instanceof RetainedDelivery) return true;
        if (outgoing.expiresAt > now) {
          next = Math.min(next, outgoing.expiresAt);
          return true;
        }
        this.#weigh(-1, -outgoing.message.size);
        this.#done(outgoing);
        this.#drop(outgoing, DropReason.MessageExpiration);
        return false;
      });
      this.#expireQueueAt(next);
    });
  }

  #cancelQueueDeadline(): void {
    if (this.#queueDeadline === undefined) return;
    this.host.deadlines.cancel(this.#queueDeadline);
    this.#queueDeadline = undefined;
  }

  #acked(outgoing: Outgoing): void {
    this.#forget(outgoing);
    this.host.hooks.messageAcked(this.info, outgoing);
    this.pump();
  }

  /** By its recipient: it is not sent again, and to no other member of a shared group. [MQTT-4.4.0-2] [MQTT-4.8.2-6] */
  #refused(outgoing: Outgoing): void {
    this.#forget(outgoing);
    this.#drop(outgoing, DropReason.PublishRefused);
    this.pump();
  }

  #forget(outgoing: Outgoing): void {
    this.#inflight.delete(outgoing.packetId);
    this.#noLongerResend(outgoing);
    this.#done(outgoing);
  }

  /** The session has it no longer, whatever became of it. */
  #done(outgoing: Outgoing): void {
    if (outgoing.order > 0) this.#store?.done(this, outgoing);
  }

  /** From now on it ends with its connection. What it has stays with it until then. */
  #keepNoLonger(): void {
    if (this.#store === undefined) return;
    for (const outgoing of [...this.#inflight.values(), ...this.#queue]) {
      if (!(outgoing instanceof RetainedDelivery)) this.#done(outgoing);
    }
    this.#store.ended(this);
    this.#store = undefined;
  }

  #noLongerResend(outgoing: Outgoing): void {
    const position = this.#resend.indexOf(outgoing);
    if (position >= 0) this.#resend.splice(position, 1);
  }

  /** One that is in use by no message in flight; the window is smaller than 65535, so there is one. [MQTT-2.2.1-4] */
  #newPacketId(): number {
    do {
      this.#lastPacketId = this.#lastPacketId === 0xffff ? 1 : this.#lastPacketId + 1;
    } while (this.#inflight.has(this.#lastPacketId));
    return this.#lastPacketId;
  }
}
