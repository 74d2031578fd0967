/** What a broker's connections, handlers and sessions share: its services, its state, and its way out for events. */
import type { BrokerLimits, ListenerLimits } from "../domain/BrokerSettings.ts";
import { Deadlines } from "../collections/Deadlines.ts";
import { Hooks } from "./events/Hooks.ts";
import type { Access } from "./ports/Access.ts";
import type { Clock } from "./ports/Clock.ts";
import type { ConnectionReports } from "./ports/ConnectionReports.ts";
import { NO_REPORTS } from "./ports/ConnectionReports.ts";
import type { HookSink } from "./ports/HookSink.ts";
import type { IsMemoryShort } from "./ports/Memory.ts";
import type { PresenceStore } from "./ports/PresenceStore.ts";
import type { SessionStore } from "./ports/SessionStore.ts";
import { PubSub } from "./routing/PubSub.ts";
import type { Client } from "./session/Client.ts";
import type { Session } from "./session/Session.ts";
import type { SessionsHost } from "./session/Sessions.ts";
import { Sessions } from "./session/Sessions.ts";

/** What the host of a broker gives it. */
export interface BrokerOptions {
  readonly nodeId: number;
  readonly sink: HookSink;
  readonly clock: Clock;
  readonly access: Access;
  readonly limits: BrokerLimits;
  /** Of the listeners: those of a session that is found again are its listener's. */
  readonly listeners: ReadonlyArray<ListenerLimits>;
  readonly isMemoryShort: IsMemoryShort;
  /** Absent: what receivers were told of clients is forgotten with the process. */
  readonly presence?: PresenceStore;
  /** Absent: sessions and retained messages end with the process. */
  readonly sessionStore?: SessionStore;
  /** A client identifier for a client that brings none; never given twice. */
  readonly newClientId: () => string;
  /** Asks for a `tick` at a moment of the monotonic clock; absent: the host ticks by itself. */
  readonly wake?: (at: number) => void;
  /** Absent: nobody is told. */
  readonly reports?: ConnectionReports;
  /** Told of an exception that is a defect of the broker; the connection it came from ends. */
  readonly onDefect: (error: unknown) => void;
}

/** A client that is connected, and its session. */
export interface Connected {
  readonly client: Client;
  readonly session: Session;
}

/** A look at the memory in use costs 50 µs. */
const MEMORY_PERIOD_MS = 100;

export class BrokerContext implements SessionsHost {
  readonly nodeId: number;
  readonly hooks: Hooks;
  readonly access: Access;
  readonly limits: BrokerLimits;
  readonly newClientId: () => string;
  readonly onDefect: (error: unknown) => void;
  readonly reports: ConnectionReports;
  readonly presence: PresenceStore | undefined;
  readonly sessionStore: SessionStore | undefined;
  readonly deadlines: Deadlines;
  readonly pubSub: PubSub;
  readonly sessions: Sessions;
  readonly #clock: Clock;
  readonly #isMemoryShort: IsMemoryShort;
  #time: number;
  #wasMemoryShort = false;
  #memoryDueAt = -Infinity;

  constructor(options: BrokerOptions) {
    this.nodeId = options.nodeId;
    this.#clock = options.clock;
    this.#time = options.clock.monotonic();
    this.#isMemoryShort = options.isMemoryShort;
    this.deadlines = new Deadlines(options.wake);
    this.hooks = new Hooks(options.sink, options.clock);
    this.access = options.access;
    this.limits = options.limits;
    this.newClientId = options.newClientId;
    this.onDefect = options.onDefect;
    this.reports = options.reports ?? NO_REPORTS;
    this.presence = options.presence;
    this.sessionStore = options.sessionStore;
    this.pubSub = new PubSub(this.hooks, this.deadlines, this);
    this.sessions = new Sessions(this);
  }

  /**
   * Whether no new session, subscription, retained or queued message is taken. Looked at ten times a second at
   * most, by who asks: nobody asks where nothing happens.
   */
  get isMemoryShort(): boolean {
    if (this.#time >= this.#memoryDueAt) {
      this.#memoryDueAt = this.#time + MEMORY_PERIOD_MS;
      this.#wasMemoryShort = this.#isMemoryShort();
    }
    return this.#wasMemoryShort;
  }

  /** As the Clock has it: wall time, for events. */
  now(): number {
    return this.#clock.now();
  }

  /**
   * Looks at the monotonic clock. To be called wherever the host comes in, and nowhere else: a look costs
   * 0.2 µs, and a chunk may hold a hundred packets.
   */
  look(): number {
    return this.#time = this.#clock.monotonic();
  }

  /** What the last look said: the time of `deadlines`, and of all that expires. It stands still until the host comes in again. */
  monotonic(): number {
    return this.#time;
  }
}
