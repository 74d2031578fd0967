/**
 * The TLS handshakes with one origin, so that a peer that never answers costs no descriptor. Deno 2.9 keeps
 * that of a connection which is closed in the midst of its handshake until the peer closes it, and has no
 * way to end it; node:tls closes at once, and takes nearly twice the CPU time for each request. So node:tls
 * asks first whether the peer shakes hands at all, and Deno makes the connections.
 *
 * It must never trust what a question has heard: nothing is sent then, and no certificate looked at.
 */
import { TransportError } from "./TransportError.ts";

/** What is done with a peer; rejects when the signal is aborted. */
export interface TlsPeer<Tcp, Socket> {
  /** Resolves when the peer has answered a handshake, in whatever way, and the descriptor is closed. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
  readonly connect: (signal: AbortSignal) => Promise<Tcp>;
  /** Aborted, it costs the descriptor. */
  readonly shakeHands: (tcp: Tcp, signal: AbortSignal) => Promise<Socket>;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
}

/** Handshakes under way at once: what is lost when a peer that has always answered falls silent. */
const MOST_AT_ONCE = 8;

/** Descriptors that a peer may have cost; more only as the time passes, since it is not told when it closes them. */
const MOST_LOST = 32;
const MS_PER_LOST = 600_000;

export class TlsHandshakes<Tcp, Socket> {
  readonly #peer: TlsPeer<Tcp, Socket>;
  /** The last handshake was answered. */
  #answers = false;
  #underWay = 0;
  readonly #waiting: Array<() => void> = [];
  #lost = 0;
  #lostAt = 0;

  constructor(peer: TlsPeer<Tcp, Socket>) {
    this.#peer = peer;
  }

  /** Opens a connection; rejects with what the peer's functions do, or with `tls` when it has cost too much. */
  readonly open = async (signal: AbortSignal): Promise<Socket> => {
    await this.#turn(signal);
    try {
      if (!this.#answers) {
        await this.#peer.ask(signal);
        this.#answers = true;
        this.#admit();
      }
      const tcp = await this.#peer.connect(signal);
      return await this.#shakeHands(tcp, signal);
    } finally {
      this.#underWay--;
      this.#admit();
    }
  };

  async #shakeHands(tcp: Tcp, signal: AbortSignal): Promise<Socket> {
    try {
      return await this.#peer.shakeHands(tcp, signal);
    } catch (cause) {
      if (signal.aborted) {
        this.#answers = false;
        this.#lost = this.#lostNow() + 1;
        this.#lostAt = this.#peer.now();
      }
      throw cause;
    }
  }

  #lostNow(): number {
    return Math.max(0, this.#lost - (this.#peer.now() - this.#lostAt) / MS_PER_LOST);
  }

  /** Resolves when there is room for one more. While nobody knows whether the peer answers, one asks. */
  #turn(signal: AbortSignal): Promise<void> {
    if (this.#lost > 0 && this.#lostNow() > MOST_LOST - 1) {
      const message = `TLS failed: it let ${MOST_LOST} handshakes hang, more are made later`;
      return Promise.reject(new TransportError({ fault: "tls", message }));
    }
    return new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.push(go);
      this.#admit();
    });
  }

  #admit(): void {
    const most = this.#answers ? MOST_AT_ONCE : 1;
    while (this.#underWay < most) {
      const go = this.#waiting.shift();
      if (go === undefined) return;
      this.#underWay++;
      go();
    }
  }
}
