/**
 * The broker's door for its host: connections come in here, time passes by it, and it is shut down.
 * Synchronous and without a runtime: the host hands in bytes, the time and a way out for events, so that
 * a test runs it with plain objects.
 */
import type { ListenerLimits } from "../domain/BrokerSettings.ts";
import type { PublisherInfo } from "../domain/ClientInfo.ts";
import type { QoS } from "../domain/QoS.ts";
import type { BrokerOptions } from "./BrokerContext.ts";
import { BrokerContext } from "./BrokerContext.ts";
import type { ConnectionOwner } from "./Connection.ts";
import { Connection } from "./Connection.ts";
import { EndReason } from "./events/EndReason.ts";
import type { Listener } from "./Listener.ts";
import type { ByteSink } from "./ports/ByteSink.ts";
import type { Told } from "./ports/PresenceStore.ts";
import type { RestoredState } from "./ports/SessionStore.ts";
import { Message, restoredMessage } from "./routing/Message.ts";
import { ReasonCode } from "./wire/ReasonCode.ts";

/** A message that whoever runs the broker publishes. */
export interface Publication {
  readonly from: PublisherInfo;
  /** A valid topic name. */
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  /** Milliseconds; Infinity: it never expires. */
  readonly expiryInterval: number;
  /** 5.0 properties, as they stand in a PUBLISH. */
  readonly forward: Uint8Array;
}

export class Broker implements ConnectionOwner {
  readonly context: BrokerContext;
  readonly #connections = new Set<Connection>();
  /** Connections with packets that wait until there is room for their events, longest waiting first. */
  readonly #held = new Set<Connection>();
  readonly #listeners = new Set<Listener>();
  readonly #limitsOf: (listener: string) => ListenerLimits;

  constructor(options: BrokerOptions) {
    const { listeners } = options;
    this.#limitsOf = (listener) =>
      // One that is there no more: some other's, until the client comes back by it.
      (listeners.find((limits) => limits.listener === listener) ?? listeners[0]) as ListenerLimits;
    this.context = new BrokerContext(options);
  }

  /**
   * Becomes what the process before was when it ended, and says what that one could not say of clients that
   * receivers were `told` of. To be called once, before any client comes in.
   */
  restore({ retained, sessions }: RestoredState, told: ReadonlyArray<Told>): void {
    const { pubSub } = this.context;
    this.context.look();
    for (const message of retained) pubSub.restoreRetained(restoredMessage(message));
    this.context.sessions.restore(sessions, told, this.#limitsOf);
    this.tick(); // what has expired meanwhile ends
  }

  /** Open connections, with or without a session. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Those that clients come in by. */
  get listeners(): ReadonlySet<Listener> {
    return this.#listeners;
  }

  /** Clients will come in by this one. */
  opened(listener: Listener): void {
    this.#listeners.add(listener);
  }

  /** No more clients come in by it; those that have stay. */
  shut(listener: Listener): void {
    listener.isOpen = false;
  }

  /**
   * A client has opened a connection.
   *
   * @param ipaddress with its port, as the events say it
   * @param waited milliseconds of its handshake_timeout that TLS or WebSocket have used up
   */
  accept(sink: ByteSink, listener: Listener, ipaddress: string, waited = 0): Connection {
    const connection = new Connection(this.context, this, sink, listener, ipaddress, waited);
    this.#connections.add(connection);
    return connection;
  }

  /** Does what is due; answers when the next is, in monotonic milliseconds. Infinity: nothing waits. */
  tick(): number {
    const { deadlines } = this.context;
    deadlines.runDue(this.context.look());
    return deadlines.nextAt;
  }

  /** There is room for events again: lets held connections go on, the longest waiting first, until it is used up. */
  resume(): void {
    const { sink } = this.context.hooks;
    const { pressure } = sink;
    for (const connection of [...this.#held]) {
      if (sink.pressure !== pressure) return;
      connection.resume();
    }
  }

  /**
   * Users are not who they were: what they are connected with ends at once.
   *
   * @param others user names that stand for somebody else now, or for nobody: their sessions end too
   * @param passwords user names with another password: their sessions wait for who knows it
   * @returns how many connections it were
   */
  usersChanged(others: ReadonlySet<string>, passwords: ReadonlySet<string>): number {
    const { sessions } = this.context;
    this.context.look();
    return (others.size > 0 ? sessions.kick(others, false) : 0) +
      (passwords.size > 0 ? sessions.kick(passwords, true) : 0);
  }

  /**
   * Ends a client's connection, and its session: whoever runs the broker wants it. Returns false where there
   * is neither.
   */
  kick(clientid: string): boolean {
    this.context.look();
    return this.context.sessions.kickClient(clientid);
  }

  /**
   * Publishes a message that came by no connection. Returns for how many subscribers it was; undefined: it was
   * refused, for want of room to retain it.
   */
  publish(
    { from, topic, payload, qos, retain, expiryInterval, forward }: Publication,
  ): number | undefined {
    const { pubSub, hooks } = this.context;
    const expiresAt = this.context.look() + expiryInterval;
    const now = this.context.now();
    const message = new Message(
      from,
      topic,
      payload,
      qos,
      retain,
      false,
      0,
      now,
      expiresAt,
      forward,
    );
    if (pubSub.hasRoomFor(message)) return pubSub.publish(message);
    hooks.messageRefused(message);
    return undefined;
  }

  /** Forgets a retained message. Returns false where the topic has none. */
  forgetRetained(topic: string): boolean {
    return this.context.pubSub.forgetRetained(topic);
  }

  /** Ends every connection and session, with their last events. The listeners must have stopped before. */
  shutdown(): void {
    this.context.look();
    for (const connection of [...this.#connections]) {
      connection.close(EndReason.Shutdown, ReasonCode.ServerShuttingDown);
    }
    this.context.sessions.shutdown();
  }

  /** For connections. */
  hold(connection: Connection, anew: boolean): void {
    if (anew) this.#held.delete(connection);
    this.#held.add(connection);
  }

  /** For connections. */
  release(connection: Connection): void {
    this.#held.delete(connection);
  }

  /** For connections. */
  closed(connection: Connection): void {
    this.#connections.delete(connection);
    this.#held.delete(connection);
  }
}
