/**
 * All sessions by client identifier: how one is opened, what becomes of it when its client goes, and of
 * the client's will. A session with a client is reached by that client's connection too; all else about
 * it is decided here. MQTT 5.0 sections 3.1.4 and 4.1
 */
import type { ClientInfo } from "../../domain/ClientInfo.ts";
import type { ListenerLimits } from "../../domain/BrokerSettings.ts";
import { EndReason } from "../events/EndReason.ts";
import type { Access } from "../ports/Access.ts";
import type { PresenceStore, Told } from "../ports/PresenceStore.ts";
import type { RestoredMessage, RestoredOutgoing, RestoredSession } from "../ports/SessionStore.ts";
import { Message, restoredMessage } from "../routing/Message.ts";
import { ReasonCode } from "../wire/ReasonCode.ts";
import type { Client } from "./Client.ts";
import { Outgoing } from "./Outgoing.ts";
import type { SessionHost } from "./Session.ts";
import { mayPublish } from "./mayPublish.ts";
import { Session } from "./Session.ts";
import type { Will } from "./Will.ts";

/** What sessions need beyond what each of them needs by itself. */
export interface SessionsHost extends SessionHost {
  readonly access: Access;
  /** Undefined: what receivers were told is forgotten with the process. */
  readonly presence: PresenceStore | undefined;
}

export class Sessions {
  readonly #byId = new Map<string, Session>();
  readonly #host: SessionsHost;
  /** How many there ever were. */
  #opened = 0;

  constructor(host: SessionsHost) {
    this.#host = host;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(clientid: string): Session | undefined {
    return this.#byId.get(clientid);
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#byId.values();
  }

  /**
   * The session for a client that has just been let in: resumed, or made. A connection that still has
   * it is taken over. MQTT 5.0 section 3.1.4
   *
   * It belongs to the user name that made it: for a client of another one it ends, with all that is in it.
   *
   * @param expiryInterval milliseconds that it is to outlive this connection
   */
  open(info: ClientInfo, limits: ListenerLimits, clean: boolean, expiryInterval: number): {
    readonly session: Session;
    readonly present: boolean;
  } {
    const { hooks, deadlines, presence } = this.#host;
    // [MQTT-3.1.4-3] This may end the session too, when it was not to outlive its connection.
    this.get(info.clientid)?.client?.close(EndReason.Kicked, ReasonCode.SessionTakenOver);
    const existing = this.get(info.clientid);
    if (existing !== undefined && !clean && existing.info.username === info.username) {
      if (existing.expiry !== undefined) deadlines.cancel(existing.expiry);
      existing.expiry = undefined;
      this.#cancelWill(existing); // [MQTT-3.1.3-9]
      existing.info = info;
      existing.limits = limits;
      existing.outlive(expiryInterval);
      presence?.arrived(info, existing.isKept);
      return { session: existing, present: true };
    }
    if (existing !== undefined) this.#end(existing, EndReason.Kicked); // where it is clean: [MQTT-3.1.2-4]
    const session = new Session(
      info.clientid,
      ++this.#opened,
      this.#host.now(),
      info,
      limits,
      this.#host,
    );
    this.#byId.set(info.clientid, session);
    session.outlive(expiryInterval);
    presence?.arrived(info, session.isKept);
    hooks.sessionCreated(info, session.createdAt);
    return { session, present: false };
  }

  /** A session's client has gone: publishes its will, says so, and ends or keeps the session. */
  disconnected(session: Session, client: Client, reason: string): void {
    const { hooks } = this.#host;
    const { will } = client;
    session.client = undefined;
    session.left = { at: this.#host.now(), reason };
    client.will = undefined;
    // Its own will is nothing for a session that ends now.
    if (session.expiryInterval === 0) session.unsubscribeAll();
    // A stopping server keeps wills back: its clients are not gone. MQTT 5.0 section 3.1.2.5, non-normative
    if (will !== undefined && reason !== EndReason.Shutdown) this.#willAfter(session, client, will);
    hooks.clientDisconnected(client.info, reason);
    if (session.expiryInterval === 0) return this.#end(session, reason);
    this.#expireAt(session, this.#host.monotonic() + session.expiryInterval);
    session.changed();
    this.#host.presence?.away(client.info, session.isKept);
  }

  /**
   * Takes back the sessions that outlived the process before, and says what that one could not say any more
   * of clients that receivers were `told` of. To be called once, before any client comes in.
   */
  restore(
    found: ReadonlyArray<RestoredSession>,
    told: ReadonlyArray<Told>,
    limitsOf: (listener: string) => ListenerLimits,
  ): void {
    const sessions = found.map((state) => {
      const { info, createdAt, listener } = state;
      const session = new Session(
        info.clientid,
        ++this.#opened,
        createdAt,
        info,
        limitsOf(listener),
        this.#host,
      );
      this.#byId.set(session.id, session);
      session.restore(state);
      return session;
    });
    const messages = new Map<RestoredMessage, Message>();
    found.forEach(({ outgoing, delayedWill, expiresAt }, i) => {
      const session = sessions[i] as Session; // one for each
      session.restoreOutgoing(outgoing.map((state) => this.#restored(state, messages)));
      if (delayedWill !== undefined) {
        this.#delayWill(session, delayedWill.will, delayedWill.deadline.at);
      }
      this.#expireAt(session, expiresAt ?? this.#host.monotonic() + session.expiryInterval);
      session.changed(); // one that was connected is away, from now on
    });
    this.#tellEnds(told);
  }

  /** Of each client that receivers were told is there, where it is not. */
  #tellEnds(told: ReadonlyArray<Told>): void {
    const { hooks, presence } = this.#host;
    for (const { info, connected } of told) {
      if (connected) hooks.clientDisconnected(info, EndReason.Shutdown);
      const session = this.get(info.clientid);
      if (session !== undefined) presence?.away(info, session.isKept);
      else {
        hooks.sessionTerminated(info, EndReason.Shutdown);
        presence?.gone(info);
      }
    }
  }

  #restored(state: RestoredOutgoing, messages: Map<RestoredMessage, Message>): Outgoing {
    let message = messages.get(state.message);
    if (message === undefined) {
      message = restoredMessage(state.message);
      messages.set(state.message, message);
    }
    const { pubSub, sessionStore } = this.#host;
    const { qos, retain, identifiers, expiresAt } = state;
    const group = state.group && pubSub.topics.group(state.group.share, state.group.filter);
    const outgoing = new Outgoing(message, qos, retain, identifiers, group, expiresAt);
    outgoing.state = state.state;
    outgoing.packetId = state.packetId;
    outgoing.dup = state.dup;
    outgoing.order = state.order;
    sessionStore?.adopt(message, state.message.id);
    return outgoing;
  }

  /** Whether those that outlive their connections outlive the process too. */
  get areKept(): boolean {
    return this.#host.sessionStore !== undefined;
  }

  /** Says anew what there is of a client: one that was about to come in by this identifier has not. */
  tellPresence(arriving: ClientInfo): void {
    const { presence } = this.#host;
    const session = this.get(arriving.clientid);
    if (session === undefined) presence?.gone(arriving);
    else if (session.connected) presence?.arrived(session.info, session.isKept);
    else presence?.away(session.info, session.isKept);
  }

  /** Without its client it ends then. */
  #expireAt(session: Session, at: number): void {
    if (at === Infinity) return;
    session.expiry = this.#host.deadlines.schedule(
      at,
      () => this.#end(session, EndReason.SessionExpiration), // [MQTT-4.1.0-2]
    );
  }

  /**
   * Ends the connections of users, and their sessions too unless these are to wait for them: whoever runs
   * the broker has decided it. Returns how many connections it were.
   */
  kick(usernames: ReadonlySet<string>, keepSessions: boolean): number {
    let kicked = 0;
    for (const session of this.#byId.values()) {
      if (!usernames.has(session.info.username)) continue;
      if (session.connected) kicked++;
      session.client?.close(EndReason.ByAdminKick, ReasonCode.NotAuthorized);
      const isLeft = this.#byId.get(session.id) === session; // it may have ended with its connection
      if (isLeft && !keepSessions) this.#end(session, EndReason.ByAdminKick);
    }
    return kicked;
  }

  /**
   * Ends a client's connection and its session: whoever runs the broker wants it. Returns false where there
   * is neither.
   */
  kickClient(clientid: string): boolean {
    const session = this.get(clientid);
    if (session === undefined) return false;
    session.client?.close(EndReason.ByAdminKick, ReasonCode.AdministrativeAction);
    if (this.get(clientid) === session) this.#end(session, EndReason.ByAdminKick);
    return true;
  }

  /** Ends all that live in memory alone; their connections must be closed. */
  shutdown(): void {
    for (const session of [...this.#byId.values()]) {
      if (!session.isKept) this.#end(session, EndReason.Shutdown);
    }
  }

  /** Ends a session without a connection: its subscriptions, its messages, and itself. */
  #end(session: Session, reason: string): void {
    if (session.expiry !== undefined) this.#host.deadlines.cancel(session.expiry);
    session.expiry = undefined;
    this.#byId.delete(session.id);
    session.unsubscribeAll();
    const delayed = this.#cancelWill(session);
    if (delayed !== undefined && reason !== EndReason.Shutdown) {
      this.#publishWill(session.info, delayed); // [MQTT-3.1.2-8]: the session ends before the delay
    }
    session.discard(reason);
    this.#host.hooks.sessionTerminated(session.info, reason);
    this.#host.presence?.gone(session.info);
  }

  #willAfter(session: Session, client: Client, will: Will): void {
    if (will.delay === 0 || session.expiryInterval === 0) {
      this.#publishWill(client.info, will);
      return;
    }
    this.#delayWill(session, will, this.#host.monotonic() + will.delay);
  }

  #delayWill(session: Session, will: Will, at: number): void {
    const { info } = session;
    const deadline = this.#host.deadlines.schedule(at, () => {
      session.delayedWill = undefined;
      this.#publishWill(info, will);
      session.changed();
    });
    session.delayedWill = { will, deadline };
  }

  #cancelWill(session: Session): Will | undefined {
    const delayed = session.delayedWill;
    if (delayed === undefined) return undefined;
    session.delayedWill = undefined;
    this.#host.deadlines.cancel(delayed.deadline);
    return delayed.will;
  }

  #publishWill(from: ClientInfo, will: Will): void {
    const { hooks, pubSub, access } = this.#host;
    const message = new Message(
      { ...from, as: "will" },
      will.topic,
      will.payload,
      will.qos,
      will.retain,
      false,
      0,
      this.#host.now(),
      this.#host.monotonic() + will.expiryInterval,
      will.forward,
    );
    if (mayPublish(access, from, will.topic) && pubSub.hasRoomFor(message)) {
      pubSub.publish(message);
    } else hooks.messageRefused(message);
  }
}
