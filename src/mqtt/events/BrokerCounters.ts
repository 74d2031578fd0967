/**
 * What has happened since the broker began, as numbers that only rise, and what waits now: read by whoever
 * shows them, changed where it happens. One addition per packet, nothing else.
 */
import type { QoS } from "../../domain/QoS.ts";
import type { ReasonCode } from "../wire/ReasonCode.ts";

export class BrokerCounters {
  /** PUBLISH packets taken in, refused ones too, by QoS. */
  readonly received: [number, number, number] = [0, 0, 0];
  /** PUBLISH packets sent for the first time in their session, by QoS. */
  readonly sent: [number, number, number] = [0, 0, 0];
  /** Messages that wait in sessions. */
  queued = 0;
  /** Messages that a recipient, or all of them, did not get, by reason. */
  readonly dropped = new Map<string, number>();
  /** Connections that ended, of clients that had been let in, by reason. */
  readonly disconnects = new Map<string, number>();
  /** Answers to CONNECT, by listener and reason code. */
  readonly #connacks = new Map<string, Map<ReasonCode, number>>();

  dropsOne(reason: string): void {
    raise(this.dropped, kindOf(reason));
  }

  disconnectsOne(reason: string): void {
    raise(this.disconnects, kindOf(reason));
  }

  answersConnect(listener: string, reason: ReasonCode): void {
    let codes = this.#connacks.get(listener);
    if (codes === undefined) this.#connacks.set(listener, codes = new Map());
    raise(codes, reason);
  }

  get connacks(): ReadonlyMap<string, ReadonlyMap<ReasonCode, number>> {
    return this.#connacks;
  }

  publishReceived(qos: QoS): void {
    this.received[qos]++;
  }

  publishSent(qos: QoS): void {
    this.sent[qos]++;
  }
}

const raise = <Key>(counts: Map<Key, number>, key: Key): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};

/** `ProtocolError(Topic Alias 7 is over the maximum)` is one of a kind: of reasons there must be few. */
const kindOf = (reason: string): string => {
  const bracket = reason.indexOf("(");
  return bracket < 0 ? reason : reason.slice(0, bracket);
};
