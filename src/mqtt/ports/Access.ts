/** Who may come in, and do what: asked by the broker, answered by `auth/`. */
import type { ClientInfo } from "../../domain/ClientInfo.ts";

/** All questions; what answers them may change while clients are connected. */
export interface Access {
  readonly authenticate: Authenticate;
  readonly authorize: Authorize;
  /** Undefined: everybody may be sent everything, and there is nothing to ask. */
  readonly receiving: Receiving | undefined;
  /** Another number each time that the answers have changed: what was answered before counts no more. */
  readonly revision: number;
}

/** Says whether a user name and password are good. Never throws; a promise of it never rejects for a wrong password. */
export type Authenticate = (
  username: string,
  password: Uint8Array | undefined,
  asker: Asker,
) => Verdict | Promise<Verdict>;

/** Who waits for a verdict. */
export interface Asker {
  /** Where it comes from, with its port: `127.0.0.1:51234`, `[::1]:51234`. */
  readonly address: string;
  /** Whether a client with an unknown user name is let in all the same. */
  readonly admitsUnknown: boolean;
  /** False when the client has gone: its verdict is of no use any more. */
  readonly isWaiting: boolean;
}

/** `unknown`: there is no such user. `busy`: too many wait for a verdict. */
export type Verdict = "good" | "bad" | "unknown" | "busy";

/** Whether the client may do it. `topic`: a topic name to publish to, or a filter to subscribe to. */
export type Authorize = (client: ClientInfo, action: AccessAction, topic: string) => boolean;

export type AccessAction = "publish" | "subscribe";

/**
 * What the client may be sent: asked once for each client and `revision`, and then for the topic of each
 * message. Undefined: everything.
 */
export type Receiving = (client: ClientInfo) => MayReceive | undefined;

export type MayReceive = (topic: string) => boolean;
