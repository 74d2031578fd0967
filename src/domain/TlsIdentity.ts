import type * as Redacted from "effect/Redacted";

/** What one side of TLS shows of itself, read from two files. */
export interface TlsIdentity {
  readonly certFile: string;
  readonly keyFile: string;
  /** The chain, in PEM, from the own certificate on. */
  readonly cert: string;
  /** In PEM. */
  readonly key: Redacted.Redacted<string>;
}
