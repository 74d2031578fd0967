/**
 * The rows of retained messages and sessions: a JSON header, and behind it the bytes that it tells of. Times
 * of the monotonic clock end with the process, and so are written as wall time.
 */
import type { ClientInfo } from "../domain/ClientInfo.ts";
import type { QoS } from "../domain/QoS.ts";
import type { Clock } from "../mqtt/ports/Clock.ts";
import type {
  MessageState,
  OutgoingState,
  RestoredMessage,
  RestoredSession,
  SessionState,
  SubscriptionState,
} from "../mqtt/ports/SessionStore.ts";

/** A row of an outgoing message: `message` is the id of its own. */
type OutgoingRow = Omit<OutgoingState, "message"> & { readonly message: number };

/** A row of a session, without what has rows of its own. */
type SessionRow = Omit<RestoredSession, "subscriptions" | "received" | "outgoing">;

export class SessionCodec {
  constructor(readonly clock: Clock) {}

  message(message: MessageState): Uint8Array {
    const { from, topic, qos, retain, dup, packetId, publishedAt, payload, forward } = message;
    const expiresAt = this.#toWall(message.expiresAt);
    return pack(
      { from, topic, qos, retain, dup, packetId, publishedAt, expiresAt },
      payload,
      forward,
    );
  }

  /** @param id that of its row; 0: it is a retained one's */
  readMessage(bytes: Uint8Array, id: number): RestoredMessage {
    // Written by `message`, as all that is read here was by its neighbour; the store has checked its checksum.
    const { header, blobs: [payload, forward] } = unpack<
      Stored<Omit<RestoredMessage, Blobs | "id">>
    >(bytes);
    return {
      ...header,
      id,
      payload: payload as Uint8Array,
      forward: forward as Uint8Array,
      expiresAt: this.#fromWall(header.expiresAt),
    };
  }

  /** @param message which message it is */
  outgoing(outgoing: OutgoingState, message: number): Uint8Array {
    const { qos, retain, identifiers, group, state, packetId, dup } = outgoing;
    return pack({
      message,
      qos,
      retain,
      identifiers,
      group: group && { share: group.share, filter: group.filter },
      state,
      packetId,
      dup,
      expiresAt: this.#toWall(outgoing.expiresAt),
    });
  }

  readOutgoing(bytes: Uint8Array, order: number): OutgoingRow {
    const { header } = unpack<Stored<Omit<OutgoingRow, "order">>>(bytes);
    const { identifiers, group } = header; // absent where they are undefined
    return {
      ...header,
      identifiers,
      group,
      order,
      expiresAt: this.#fromWall(header.expiresAt),
    };
  }

  session(session: SessionState): Uint8Array {
    const { createdAt, info, limits: { listener }, expiryInterval, expiry, delayedWill } = session;
    const header = {
      createdAt,
      info,
      listener,
      expiryInterval: storedInfinity(expiryInterval),
      isConnected: expiry === undefined && expiryInterval !== Infinity,
      expiresAt: this.#toWall(expiry?.at ?? Infinity),
    };
    if (delayedWill === undefined) return pack(header);
    const { topic, payload, qos, retain, forward, expiryInterval: lives } = delayedWill.will;
    const at = this.#toWall(delayedWill.deadline.at);
    const will = { topic, qos, retain, expiryInterval: storedInfinity(lives), at };
    return pack({ ...header, will }, payload, forward);
  }

  readSession(bytes: Uint8Array): SessionRow {
    const { header, blobs: [payload, forward] } = unpack<StoredSession>(bytes);
    const { createdAt, info, listener, expiryInterval, isConnected, expiresAt, will } = header;
    return {
      createdAt,
      info,
      listener,
      expiryInterval: expiryInterval ?? Infinity,
      expiresAt: isConnected ? undefined : this.#fromWall(expiresAt),
      delayedWill: will && {
        will: {
          topic: will.topic,
          qos: will.qos,
          retain: will.retain,
          payload: payload as Uint8Array,
          forward: forward as Uint8Array,
          expiryInterval: will.expiryInterval ?? Infinity,
          delay: 0, // it is under way
        },
        deadline: { at: this.#fromWall(will.at) },
      },
    };
  }

  subscription({ qos, noLocal, retainAsPublished, identifier }: SubscriptionState): Uint8Array {
    return pack({ qos, noLocal, retainAsPublished, identifier });
  }

  readSubscription(bytes: Uint8Array): Omit<SubscriptionState, "topic"> {
    return unpack<Omit<SubscriptionState, "topic">>(bytes).header;
  }

  #toWall(at: number): number | null {
    return at === Infinity ? null : Math.round(this.clock.now() + at - this.clock.monotonic());
  }

  #fromWall(at: number | null): number {
    return at === null ? Infinity : this.clock.monotonic() + at - this.clock.now();
  }
}

type Blobs = "payload" | "forward";

/** JSON has no Infinity. */
type Stored<A extends { readonly expiresAt: number }> = Omit<A, "expiresAt"> & {
  readonly expiresAt: number | null;
};

interface StoredSession {
  readonly createdAt: number;
  readonly info: ClientInfo;
  readonly listener: string;
  readonly expiryInterval: number | null;
  readonly isConnected: boolean;
  readonly expiresAt: number | null;
  readonly will?: {
    readonly topic: string;
    readonly qos: QoS;
    readonly retain: boolean;
    readonly expiryInterval: number | null;
    readonly at: number | null;
  };
}

const storedInfinity = (value: number): number | null => value === Infinity ? null : value;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** Little endian: u32 length of the header, the header, and for each blob its u32 length and its bytes. */
const pack = (header: object, ...blobs: ReadonlyArray<Uint8Array>): Uint8Array => {
  const json = ENCODER.encode(JSON.stringify(header));
  const parts = [json, ...blobs];
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + 4 + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length, true);
    bytes.set(part, at + 4);
    at += 4 + part.length;
  }
  return bytes;
};

const unpack = <Header>(bytes: Uint8Array): {
  readonly header: Header;
  readonly blobs: ReadonlyArray<Uint8Array>;
} => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: Array<Uint8Array> = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    parts.push(bytes.slice(at + 4, at + 4 + length)); // its own: the row is one of a page of many
    at += 4 + length;
  }
  const [json, ...blobs] = parts;
  return { header: JSON.parse(DECODER.decode(json)), blobs };
};
