/** What broker.toml says, decoded: times in milliseconds, sizes in bytes, defaults filled in. Keys: docs/broker-toml.md. */
import type * as Redacted from "effect/Redacted";
import type { TlsIdentity } from "./TlsIdentity.ts";
import type { QoS } from "./QoS.ts";

/** The limits that a listener sets on the clients that come in by it. 0 stands for "no limit" only where said. */
export interface ListenerLimits {
  /** Whose they are: `tcp.external`. */
  readonly listener: string;
  readonly allowAnonymous: boolean;
  readonly maxConnections: number;
  /** Sockets that are no client's yet, from accept to CONNACK; 0: no limit. */
  readonly maxHandshaking: number;
  /** Sockets accepted in a second; 0: no limit. */
  readonly maxConnRate: number;
  /** CONNECT must arrive within this time, in milliseconds. */
  readonly handshakeTimeout: number;
  readonly maxPacketSize: number;
  /** Bytes of a packet before CONNACK, at most `maxPacketSize`. */
  readonly maxFirstPacketSize: number;
  /** Unacknowledged QoS 1 and 2 messages to one client; also the Receive Maximum told to 5.0 clients. */
  readonly maxInflight: number;
  /** Messages queued for one session behind the window or offline. */
  readonly maxMqueueLen: number;
  /** Bytes of those messages; 0: no limit. */
  readonly maxMqueueBytes: number;
  /** Places that one client's subscriptions may take (`mqtt/session/Session.ts`, `placesOf`); 0: no limit. */
  readonly maxSubscriptions: number;
  readonly maxQosAllowed: QoS;
  readonly maxClientidLen: number;
  /** What a client identifier may be: any, or the client's user name alone. */
  readonly clientId: "free" | "username";
  /** 0: no limit. */
  readonly maxTopicLevels: number;
  readonly maxTopicAliases: number;
  readonly allowZeroKeepalive: boolean;
  /** A client is gone after keepalive x backoff x 2. */
  readonly keepaliveBackoff: number;
  /** For 3.x persistent sessions, in milliseconds. */
  readonly sessionExpiryInterval: number;
  /** The most a 5.0 client may ask for, in milliseconds; 0: no limit. */
  readonly maxSessionExpiryInterval: number;
  /** For queued messages without an expiry of their own, in milliseconds. */
  readonly messageExpiryInterval: number;
}

/** One listener: where it listens, how it is spoken to, and its limits. */
export type ListenerSettings =
  & { readonly name: string; readonly hostname: string; readonly port: number }
  & { readonly limits: ListenerLimits }
  & (
    | { readonly transport: "tcp" }
    | { readonly transport: "tls" } & TlsIdentity
    | { readonly transport: "ws" } & WebSocketDoor
    | { readonly transport: "wss" } & TlsIdentity & WebSocketDoor
  );

/** Who may upgrade to WebSocket, and where. */
export interface WebSocketDoor {
  readonly path: string;
  /** Of pages whose scripts may connect, as browsers name them. Empty: any. */
  readonly allowedOrigins: ReadonlyArray<string>;
}

/** What all clients together may occupy. 0 stands for "no limit" only where said. */
export interface BrokerLimits {
  /** Sessions, of absent clients too; 0: no limit. */
  readonly maxSessions: number;
  /** Bytes that the process may occupy before nothing new is taken; 0: three quarters of what there is. */
  readonly maxMemory: number;
  /** 0: no limit. */
  readonly maxRetainedMessages: number;
  /** Bytes of the payload; 0: no limit. */
  readonly maxRetainedPayload: number;
}

export interface UserSettings {
  readonly username: string;
  /** As written, with `env:NAME` already read: plain text or a hash (see `auth/PasswordHash.ts`). */
  readonly password: Redacted.Redacted<string>;
}

/** One line of the access list; the first that applies decides. */
export interface AclRule {
  readonly permit: "allow" | "deny";
  readonly action: "publish" | "subscribe" | "all";
  readonly user: string | undefined;
  readonly clientid: string | undefined;
  /** Topic filters, in which `%c` is the client identifier and `%u` the user name. Empty: all topics. */
  readonly topics: ReadonlyArray<string>;
}

/** What is written to the log, and how. */
export interface LogSettings {
  readonly level: "error" | "warn" | "info" | "debug";
  /** Undefined: `pretty` on a terminal, `logfmt` elsewhere. */
  readonly format: "pretty" | "logfmt" | "json" | undefined;
}

/** Where the HTTP API listens, and who may ask it. */
export interface HttpApiSettings {
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined, on an address of this machine alone: nobody is asked for one. */
  readonly token: Redacted.Redacted<string> | undefined;
  /** `/metrics` asks for none in any case. */
  readonly metricsOpen: boolean;
  /** Whether there is a live page. */
  readonly page: boolean;
  /** Whether payloads can be seen. */
  readonly payloads: boolean;
  /** Rows of one answer. */
  readonly mostRows: number;
}

export interface BrokerSettings {
  readonly log: LogSettings;
  /** Undefined: there is none. */
  readonly httpApi: HttpApiSettings | undefined;
  /** Whether sessions and retained messages outlive the process. */
  readonly persistence: boolean;
  readonly node: { readonly id: number };
  readonly limits: BrokerLimits;
  readonly listeners: ReadonlyArray<ListenerSettings>;
  readonly users: ReadonlyArray<UserSettings>;
  readonly acl: ReadonlyArray<AclRule>;
}
