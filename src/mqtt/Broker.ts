/**
 * The broker: sessions by client identifier, subscriptions, retained messages, and what happens when
 * clients come, go and publish. Synchronous and without a runtime: the host hands in bytes, the time
 * and a way out for events, so that a test runs it with plain objects.
 */
import type { ListenerLimits } from "../domain/BrokerSettings.ts";
import type { Access } from "./ports/Access.ts";
import type { ByteSink } from "./ports/ByteSink.ts";
import type { Client, Will } from "./session/Client.ts";
import type { Clock } from "./ports/Clock.ts";
import { Connection } from "./Connection.ts";
import { type Deadline, Deadlines } from "../collections/Deadlines.ts";
import { EndReason } from "./events/EndReason.ts";
import { Hooks } from "./events/Hooks.ts";
import type { HookSink } from "./ports/HookSink.ts";
import { Message } from "./routing/Message.ts";
import type { ClientInfo } from "../domain/ClientInfo.ts";
import { ReasonCode } from "./wire/ReasonCode.ts";
import { RetainedMessages } from "./routing/RetainedMessages.ts";
import { Router } from "./routing/Router.ts";
import { Session, type SessionHost } from "./session/Session.ts";
import type { Subscription } from "./routing/Subscription.ts";
import { TopicTree } from "./routing/TopicTree.ts";

export interface BrokerOptions {
  readonly nodeId: number;
  readonly sink: HookSink;
  readonly clock: Clock;
  readonly access: Access;
  /** A client identifier for a client that brings none; never given twice. */
  readonly newClientId: () => string;
  /** Told of an exception that is a defect of the broker; the connection it came from ends. */
  readonly onDefect: (error: unknown) => void;
}

/** One listener's limits, and how many clients are connected by it. */
export class Intake {
  connected = 0;

  constructor(readonly limits: ListenerLimits) {}
}

export class Broker implements SessionHost {
  readonly nodeId: number;
  readonly clock: Clock;
  readonly hooks: Hooks;
  readonly deadlines = new Deadlines();
  readonly access: Access;
  readonly newClientId: () => string;
  readonly onDefect: (error: unknown) => void;
  readonly sessions = new Map<string, Session>();
  readonly topics = new TopicTree();
  readonly retained = new RetainedMessages();
  /** By topic; of the retained messages that expire. */
  readonly #retainedExpiry = new Map<string, Deadline>();
  readonly #router = new Router(this.topics);
  readonly #connections = new Set<Connection>();
  /** Connections with packets that wait until there is room for their events, longest waiting first. */
  readonly #held = new Set<Connection>();

  constructor(options: BrokerOptions) {
    this.nodeId = options.nodeId;
    this.clock = options.clock;
    this.hooks = new Hooks(options.sink, options.clock);
    this.access = options.access;
    this.newClientId = options.newClientId;
    this.onDefect = options.onDefect;
  }

  now(): number {
    return this.clock.now();
  }

  /** Open connections, with or without a session. */
  get connections(): number {
    return this.#connections.size;
  }

  /** A client has opened a connection. `ipaddress`: with its port, as the events say it. */
  accept(sink: ByteSink, intake: Intake, ipaddress: string): Connection {
    const connection = new Connection(this, sink, intake, ipaddress);
    this.#connections.add(connection);
    return connection;
  }

  /** Does what is due. To be called often: its period is the precision of all time limits. */
  tick(): void {
    this.deadlines.runDue(this.now());
  }

  /** There is room for events again: lets held connections go on, the longest waiting first, until it is used up. */
  resume(): void {
    const { pressure } = this.hooks.sink;
    for (const connection of [...this.#held]) {
      if (this.hooks.sink.pressure !== pressure) return;
      connection.resume();
    }
  }

  /** A connection waits for `resume`. `anew`: it has gone on since it came to wait, and others are first now. */
  hold(connection: Connection, anew: boolean): void {
    if (anew) this.#held.delete(connection);
    this.#held.add(connection);
  }

  release(connection: Connection): void {
    this.#held.delete(connection);
  }

  /** Ends every connection and session, with their last events. The listeners must have stopped before. */
  shutdown(): void {
    for (const connection of [...this.#connections]) {
      connection.close(EndReason.Shutdown, ReasonCode.ServerShuttingDown);
    }
    // Sessions live in memory: those of absent clients end with the process.
    for (const session of [...this.sessions.values()]) this.endSession(session, EndReason.Shutdown);
  }

  connectionClosed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#held.delete(connection);
  }

  /** Publishes a message: stores it when it is retained, and routes it. Answers for how many sessions it was. */
  publish(message: Message): number {
    this.hooks.messagePublish(message);
    if (message.retain) this.#retain(message);
    return this.#router.route(message);
  }

  #retain(message: Message): void {
    const { topic, expiresAt } = message;
    const expiry = this.#retainedExpiry.get(topic);
    if (expiry !== undefined) {
      this.deadlines.cancel(expiry);
      this.#retainedExpiry.delete(topic);
    }
    if (message.payload.length === 0) {
      this.retained.delete(topic); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      return;
    }
    this.retained.set(message);
    if (expiresAt === Infinity) return;
    const deadline = this.deadlines.schedule(expiresAt, () => {
      this.#retainedExpiry.delete(topic);
      this.retained.delete(topic);
    });
    this.#retainedExpiry.set(topic, deadline);
  }

  /** Adds or replaces a subscription; answers whether it is new. [MQTT-3.8.4-3] */
  subscribe(subscription: Subscription): boolean {
    const { session, topic } = subscription;
    const existing = session.subscriptions.get(topic);
    session.subscriptions.set(topic, subscription);
    this.topics.add(subscription);
    // After the new one came: a shared group that would be empty in between would not be the same after.
    if (existing !== undefined) this.topics.remove(existing);
    return existing === undefined;
  }

  /** Takes a subscription out; answers false when there is none. [MQTT-3.10.4-1] */
  unsubscribe(session: Session, topic: string): boolean {
    const subscription = session.subscriptions.get(topic);
    if (subscription === undefined) return false;
    session.subscriptions.delete(topic);
    session.cancelRetained(topic);
    const { share, filter } = subscription;
    const group = share === undefined ? undefined : this.topics.group(share, filter);
    this.topics.remove(subscription);
    // What was queued by a group that nobody is left in stays queued for this session. [MQTT-3.10.4-3]
    if (group !== undefined && group.members.length > 0) {
      for (const { message, qos } of session.leave(group)) {
        this.#router.toMember(group, message, qos);
      }
    }
    return true;
  }

  /** Sends the retained messages that a new subscription matches. MQTT 5.0 section 3.8.3.1 */
  sendRetained(subscription: Subscription): void {
    if (this.retained.size > 0) subscription.session.deliverRetained(subscription, this.retained);
  }

  /**
   * The session for a client that has just been let in: resumed, or made. A connection that still has
   * it is taken over. MQTT 5.0 section 3.1.4
   */
  openSession(info: ClientInfo, intake: Intake, clean: boolean): {
    readonly session: Session;
    readonly present: boolean;
  } {
    const { limits } = intake;
    // [MQTT-3.1.4-3] This may end the session too, when it was not to outlive its connection.
    this.sessions.get(info.clientid)?.client?.connection
      .close(EndReason.Kicked, ReasonCode.SessionTakenOver);
    const existing = this.sessions.get(info.clientid);
    if (existing !== undefined && !clean) {
      if (existing.expiry !== undefined) this.deadlines.cancel(existing.expiry);
      existing.expiry = undefined;
      this.#cancelWill(existing); // [MQTT-3.1.3-9]
      existing.info = info;
      existing.limits = limits;
      return { session: existing, present: true };
    }
    if (existing !== undefined) this.endSession(existing, EndReason.Kicked); // [MQTT-3.1.2-4]
    const session = new Session(info.clientid, this.now(), info, limits, this);
    this.sessions.set(info.clientid, session);
    this.hooks.sessionCreated(info, session.createdAt);
    return { session, present: false };
  }

  /** A connected client has gone: publishes its will, says so, and ends or keeps its session. */
  disconnected(client: Client, reason: string): void {
    const { session, will } = client;
    session.client = undefined;
    client.will = undefined;
    // Its own will is nothing for a session that ends now.
    if (session.expiryInterval === 0) this.#unsubscribeAll(session);
    // A stopping server keeps wills back: its clients are not gone. MQTT 5.0 section 3.1.2.5, non-normative
    if (will !== undefined && reason !== EndReason.Shutdown) this.#willAfter(client, will);
    this.hooks.clientDisconnected(client.info, reason);
    if (session.expiryInterval === 0) this.endSession(session, reason);
    else if (session.expiryInterval !== Infinity) {
      session.expiry = this.deadlines.schedule(
        this.now() + session.expiryInterval,
        () => this.endSession(session, EndReason.SessionExpiration), // [MQTT-4.1.0-2]
      );
    }
  }

  /** Ends a session without a connection: its subscriptions, its messages, and itself. */
  endSession(session: Session, reason: string): void {
    if (session.expiry !== undefined) this.deadlines.cancel(session.expiry);
    session.expiry = undefined;
    this.sessions.delete(session.id);
    this.#unsubscribeAll(session);
    const delayed = this.#cancelWill(session);
    if (delayed !== undefined && reason !== EndReason.Shutdown) {
      this.#publishWill(session.info, delayed); // [MQTT-3.1.2-8]: the session ends before the delay
    }
    session.discard(
      reason,
      ({ message, qos, group }) =>
        group !== undefined && this.#router.toMember(group, message, qos),
    );
    this.hooks.sessionTerminated(session.info, reason);
  }

  #unsubscribeAll(session: Session): void {
    for (const subscription of session.subscriptions.values()) this.topics.remove(subscription);
    session.subscriptions.clear();
  }

  #willAfter(client: Client, will: Will): void {
    const { session } = client;
    if (will.delay === 0 || session.expiryInterval === 0) {
      this.#publishWill(client.info, will);
      return;
    }
    const deadline = this.deadlines.schedule(this.now() + will.delay, () => {
      session.delayedWill = undefined;
      this.#publishWill(client.info, will);
    });
    session.delayedWill = { will, deadline };
  }

  #cancelWill(session: Session): Will | undefined {
    const delayed = session.delayedWill;
    if (delayed === undefined) return undefined;
    session.delayedWill = undefined;
    this.deadlines.cancel(delayed.deadline);
    return delayed.will;
  }

  #publishWill(from: ClientInfo, will: Will): void {
    const now = this.now();
    const message = new Message(
      from,
      will.topic,
      will.payload,
      will.qos,
      will.retain,
      false,
      0,
      now,
      now + will.expiryInterval,
      will.forward,
    );
    if (this.access.authorize(from, "publish", will.topic)) this.publish(message);
    else this.hooks.messageRefused(message);
  }
}
