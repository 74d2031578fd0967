/**
 * Deliveries as the outbox keeps them: records one behind the other, little endian, each with its body as it
 * was encoded, so that a rule that has changed since does not change it. Nothing secret is in a record: no
 * header, no token. What is written here is read by later versions: a field may be added behind a new flag
 * only.
 *
 * | bytes | |
 * | ---: | --- |
 * | 4 | the body's length |
 * | 8 | id: the number in the `webhook-id`, as a float |
 * | 8 | the `webhook-seq`, as a float |
 * | 8 | when it came, milliseconds since 1970, as a float |
 * | 1 | the event, by its number below |
 * | 1 | flags; 1: it keeps a client's order |
 * | 2 | the length of that client's identifier in UTF-8; 0 without |
 * | … | that identifier, then the body |
 */
import type { HookEventName } from "../../domain/HookEvent.ts";
import { hookEventNames } from "../../domain/HookEvent.ts";

/** One delivery. */
export interface GroupRecord {
  readonly id: number;
  readonly seq: number;
  /** When it came, milliseconds since 1970. */
  readonly born: number;
  /** The event's place in `hookEventNames`. */
  readonly event: number;
  readonly lane: string | undefined;
  readonly body: Uint8Array;
}

/** Never to be changed, whatever becomes of the order of the names: files have them. */
const NUMBER_OF: Readonly<Record<HookEventName, number>> = {
  session_created: 1,
  session_terminated: 2,
  session_subscribed: 3,
  session_unsubscribed: 4,
  client_connect: 5,
  client_connack: 6,
  client_connected: 7,
  client_disconnected: 8,
  client_subscribe: 9,
  client_unsubscribe: 10,
  message_publish: 11,
  message_delivered: 12,
  message_acked: 13,
  message_dropped: 14,
  offline_message: 15,
};

const NUMBERS = Uint8Array.from(hookEventNames, (name) => NUMBER_OF[name]);

const HAS_LANE = 1;

/** Bytes of a record before its client identifier. */
const HEAD = 32;

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder();

/** About what a record with such a body takes. */
export const recordBytes = (bodyLength: number): number => HEAD + bodyLength;

/** Records that are written one behind the other, into memory that is used again after `clear`. */
export class RecordWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  constructor(room: number) {
    this.#bytes = new Uint8Array(room);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get length(): number {
    return this.#length;
  }

  add({ id, seq, born, event, lane, body }: GroupRecord): void {
    // UTF-8 has at most three bytes for a unit of UTF-16.
    this.#reserve(HEAD + (lane === undefined ? 0 : 3 * lane.length) + body.length);
    const at = this.#length;
    const view = this.#view;
    const laneLength = lane === undefined
      ? 0
      : ENCODER.encodeInto(lane, this.#bytes.subarray(at + HEAD)).written;
    view.setUint32(at, body.length, true);
    view.setFloat64(at + 4, id, true);
    view.setFloat64(at + 12, seq, true);
    view.setFloat64(at + 20, born, true);
    view.setUint8(at + 28, NUMBERS[event]!); // an event's place is always within
    view.setUint8(at + 29, lane === undefined ? 0 : HAS_LANE);
    view.setUint16(at + 30, laneLength, true);
    this.#bytes.set(body, at + HEAD + laneLength);
    this.#length = at + HEAD + laneLength + body.length;
  }

  /** What was written since `from`; good until more is written after `clear`. */
  records(from = 0): Uint8Array {
    return this.#bytes.subarray(from, this.#length);
  }

  clear(): void {
    this.#length = 0;
  }

  #reserve(room: number): void {
    if (this.#length + room <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length + room));
    larger.set(this.records());
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

const PLACE_OF = new Map(hookEventNames.map((name, place) => [NUMBER_OF[name], place]));

/**
 * The records of a group, whose bodies are views of it.
 *
 * @throws RangeError where they are no records of this form: a checksum has held, so that they are of another
 *   version of this program
 */
export function* decode(records: Uint8Array): Generator<GroupRecord> {
  const view = new DataView(records.buffer, records.byteOffset, records.length);
  for (let at = 0; at < records.length;) {
    const laneLength = view.getUint16(at + 30, true);
    const bodyAt = at + HEAD + laneLength;
    const end = bodyAt + view.getUint32(at, true);
    if (end > records.length) throw new RangeError("a record is longer than its group");
    const event = PLACE_OF.get(view.getUint8(at + 28));
    if (event === undefined) throw new RangeError(`no event has number ${view.getUint8(at + 28)}`);
    const hasLane = (view.getUint8(at + 29) & HAS_LANE) !== 0;
    yield {
      id: view.getFloat64(at + 4, true),
      seq: view.getFloat64(at + 12, true),
      born: view.getFloat64(at + 20, true),
      event,
      lane: hasLane ? DECODER.decode(records.subarray(at + HEAD, bodyAt)) : undefined,
      body: records.subarray(bodyAt, end),
    };
    at = end;
  }
}
