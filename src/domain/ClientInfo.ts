/** Who a client is, as hook events say it. */
export interface ClientInfo {
  readonly node: number;
  /** With its port: `127.0.0.1:51234`, `[::1]:51234`. */
  readonly ipaddress: string;
  readonly clientid: string;
  /** `"undefined"` when the client gave none. */
  readonly username: string;
}

/** A client itself, whoever runs the broker, or the broker in place of a client that has gone. */
export type PublisherKind = "client" | "admin" | "will";

/** Who has published a message. */
export interface PublisherInfo extends ClientInfo {
  /** Absent: the client itself. */
  readonly as?: Exclude<PublisherKind, "client">;
}
