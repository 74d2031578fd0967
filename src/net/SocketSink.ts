/**
 * What the ByteSinks of all transports have in common: what is written in one turn of the event loop
 * goes out by one write, and a closing socket is given its time and no more. Knows nothing of MQTT.
 */
import type { ByteSink } from "../mqtt/ports/ByteSink.ts";
import type { Connection } from "../mqtt/Connection.ts";
import type { Newcomer } from "./Newcomers.ts";

/** Makes the protocol connection that writes to `sink`; `peer` is the client's address. */
export type OpenConnection = (sink: SocketSink, peer: Peer) => Connection;

/** A socket was closed before its connection was opened; `reason` is for the log, with nothing that a client chose. */
export type Refused = (peer: Peer, reason: string) => void;

export interface Peer {
  readonly hostname: string;
  readonly port: number;
}

/** Milliseconds that a closing socket may take to send what is left and to see the other side close. */
export const MOST_CLOSING_MS = 5000;

/**
 * Pieces that wait before they are put together: what a client that does not read is to be sent may be
 * acknowledgements by the hundred thousand, of which each holds 100 to 200 bytes beside its own four.
 */
const MOST_PIECES = 512;

/** The bytes of one client's socket, outwards. */
export abstract class SocketSink implements ByteSink {
  /** Those of this thread that have something to send at the end of this turn. */
  static #due: Array<SocketSink> = [];

  // The requests for the events of this turn are written in a microtask that is queued meanwhile, and so before
  // what acknowledges them: a receiver is woken first (bench/README.md). Two hops for all sinks, not for each.
  static readonly #afterDeliveries = (): void => queueMicrotask(SocketSink.#flushDue);

  static readonly #flushDue = (): void => {
    const due = SocketSink.#due;
    SocketSink.#due = [];
    for (const sink of due) sink.#flush();
  };

  /** The connection that is told when all that was written has been sent. */
  connection: Connection | undefined;
  /** Called once, when the socket is closed. A promise would cost every idle client 300 bytes. */
  onClosed: (() => void) | undefined;
  buffered = 0;
  #state: "open" | "ending" | "closed" = "open";
  #waiting: Array<Uint8Array> = [];
  /** Older than `#waiting`, and put together; empty when that is. */
  #joined: Array<Uint8Array> = [];
  #isSending = false;
  /** Whether something in `#waiting` acknowledges what has to be safe first. */
  #isHeld = false;
  #closing: ReturnType<typeof setTimeout> | undefined;
  /** Until its client is in. */
  #newcomer: Newcomer | undefined;

  /** @param newcomer its place among those that are not in yet; absent: nobody counts them */
  constructor(newcomer?: Newcomer) {
    if (newcomer !== undefined) newcomer.cut = () => this.cut();
    this.#newcomer = newcomer;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== "open") return;
    if (this.#waiting.length === MOST_PIECES) {
      this.#joined.push(joined(this.#waiting));
      this.#waiting = [];
    }
    this.#waiting.push(bytes);
    this.buffered += bytes.length;
    if (this.#isSending) return;
    this.#isSending = true;
    if (SocketSink.#due.push(this) === 1) queueMicrotask(SocketSink.#afterDeliveries);
  }

  /** How long its newcomer is on its way, in milliseconds. */
  get age(): number {
    return this.#newcomer?.age ?? 0;
  }

  hold(): void {
    this.#isHeld = true;
  }

  letIn(): void {
    this.#newcomer?.leave();
    this.#newcomer = undefined;
  }

  end(hasLeft = false): void {
    if (this.#state !== "open") return;
    this.#state = "ending";
    this.setReading(true); // to see the other side close
    if (!this.#isSending) this.finish(hasLeft);
    if (this.isClosed) return;
    this.#closing = setTimeout(() => this.cut(), MOST_CLOSING_MS);
  }

  /** Whether the socket is closed, by whichever side. */
  get isClosed(): boolean {
    return this.#state === "closed";
  }

  /** Closes the socket at once, whatever waits to be sent. */
  cut(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    clearTimeout(this.#closing);
    this.#waiting = [];
    this.#joined = [];
    this.buffered = 0;
    this.#newcomer?.leave();
    this.destroy();
    this.onClosed?.();
  }

  abstract setReading(reading: boolean): void;

  /** Sends the first bytes of these; answers how many. Rejects when the socket is broken. */
  protected abstract send(bytes: Uint8Array): Promise<number>;

  /** All is sent: tells the other side that no more will come. `hasLeft`: as `end` was told. */
  protected abstract finish(hasLeft: boolean): void;

  /** Gives the socket back to the system; called once. */
  protected abstract destroy(): void;

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#joined.length === 0
        ? this.#waiting
        : [...this.#joined, ...this.#waiting];
      // Taken before the wait, or what is acknowledged meanwhile would slip out with it.
      this.#waiting = [];
      this.#joined = [];
      if (this.#isHeld) {
        this.#isHeld = false;
        const safety = this.connection?.safety;
        if (safety !== undefined && safety.mark > safety.safe) {
          await safety.whenSafe(safety.mark);
          if (this.#state === "closed") return;
        }
      }
      try {
        await this.#sendAll(joined(waiting));
      } catch {
        this.cut(); // a socket that cannot be written to; its reader says so to the connection
      }
      if (this.#state === "open" && this.#waiting.length === 0) this.connection?.drained();
    }
    this.#isSending = false;
    if (this.#state === "ending") this.finish(false); // a read has begun: to break it off costs more
  }

  async #sendAll(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length;) {
      const sent = await this.send(from === 0 ? bytes : bytes.subarray(from));
      if (this.#state === "closed") return;
      from += sent;
      this.buffered -= sent;
      if (this.connection !== undefined) this.connection.listener.sentBytes += sent;
    }
  }
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  if (parts.length === 1) return parts[0] as Uint8Array; // length 1: there is one
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
};
