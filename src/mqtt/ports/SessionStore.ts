/**
 * Where retained messages and the sessions that outlive their connections are kept for a process to come.
 * The broker says what changes as it changes, by plain calls that never block: whoever implements it
 * (`persistence/SessionJournal.ts`) looks at what is given here when it writes, some milliseconds later, so that
 * what was undone meanwhile costs nothing. Told only of sessions that are to be kept.
 */
import type { ClientInfo, PublisherInfo } from "../../domain/ClientInfo.ts";
import type { QoS } from "../../domain/QoS.ts";

/** A message as it is kept. Never changes. */
export interface MessageState {
  readonly from: PublisherInfo;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  readonly packetId: number;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  /** In monotonic milliseconds; Infinity: never. */
  readonly expiresAt: number;
  /** The 5.0 properties that recipients get, as they stood in the frame. */
  readonly forward: Uint8Array;
  /** Bytes that it occupies, about. */
  readonly size: number;
}

/** A message on its way to a session. All but what follows `message` changes. */
export interface OutgoingState {
  readonly message: MessageState;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: ReadonlyArray<number> | undefined;
  readonly group: { readonly share: string; readonly filter: string } | undefined;
  /** In monotonic milliseconds. */
  readonly expiresAt: number;
  readonly state: "queued" | "sent" | "released";
  readonly packetId: number;
  readonly dup: boolean;
  /** Its place among all that was ever kept, given by the store; 0: it is not kept. */
  order: number;
}

export interface SubscriptionState {
  /** As the client wrote it. */
  readonly topic: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifier: number;
}

/** A will that waits for its delay. */
export interface DelayedWillState {
  readonly will: {
    readonly topic: string;
    readonly payload: Uint8Array;
    readonly qos: QoS;
    readonly retain: boolean;
    /** The 5.0 properties that recipients get, as they stood in the frame. */
    readonly forward: Uint8Array;
    readonly expiryInterval: number;
    readonly delay: number;
  };
  /** When it is published, in monotonic milliseconds. */
  readonly deadline: { readonly at: number };
}

export interface SessionState {
  /** The client identifier. */
  readonly id: string;
  readonly createdAt: number;
  /** Of the connection it has, or had last. */
  readonly info: ClientInfo;
  readonly limits: { readonly listener: string };
  /** Milliseconds; Infinity: for ever. */
  readonly expiryInterval: number;
  /** When it ends, in monotonic milliseconds; undefined: never, or not before its client has gone. */
  readonly expiry: { readonly at: number } | undefined;
  readonly delayedWill: DelayedWillState | undefined;
}

/** A message that was found again at the start; one object for all that have it outgoing. */
export interface RestoredMessage extends Omit<MessageState, "size"> {
  /** Which of the store's it is; 0: a retained one. */
  readonly id: number;
}

export interface RestoredOutgoing extends Omit<OutgoingState, "message"> {
  readonly message: RestoredMessage;
}

/** A session that was found again, and what is its. */
export interface RestoredSession {
  readonly info: ClientInfo;
  readonly createdAt: number;
  /** By which its client came last. */
  readonly listener: string;
  readonly expiryInterval: number;
  /** When it ends, in monotonic milliseconds; undefined: its client was connected when the process ended. */
  readonly expiresAt: number | undefined;
  readonly delayedWill: DelayedWillState | undefined;
  readonly subscriptions: ReadonlyArray<SubscriptionState>;
  /** QoS 2 packet identifiers, not released yet. */
  readonly received: ReadonlyArray<number>;
  /** By `order`. */
  readonly outgoing: ReadonlyArray<RestoredOutgoing>;
}

export interface RestoredState {
  readonly retained: ReadonlyArray<RestoredMessage>;
  readonly sessions: ReadonlyArray<RestoredSession>;
}

export interface SessionStore {
  /** An outgoing message that was found again has this message: once for each. */
  adopt(message: MessageState, id: number): void;
  /** A topic has another retained message, or none. `isNew`: it had none before. */
  retained(topic: string, message: MessageState | undefined, isNew: boolean): void;
  /** A session is to be kept from now on. */
  opened(session: SessionState): void;
  /** Its connection, its expiry or its will has changed. */
  changed(session: SessionState): void;
  /** It is to be kept no longer, with all that is its. What it has outgoing is told by `done` before. */
  ended(session: SessionState): void;
  subscribed(session: SessionState, subscription: SubscriptionState, isNew: boolean): void;
  unsubscribed(session: SessionState, topic: string): void;
  /** A QoS 2 message has come in by this packet identifier, which is not released yet. */
  received(session: SessionState, packetId: number): void;
  /** Answers whether it was stored: then PUBCOMP must wait until it is not, or a next message by it would be lost. */
  released(session: SessionState, packetId: number): boolean;
  /** A message is queued for the session, was sent to it, or released by it. Answers whether an older state of it was stored. */
  outgoing(session: SessionState, outgoing: OutgoingState): boolean;
  /** The session has it no longer. */
  done(session: SessionState, outgoing: OutgoingState): void;
}
