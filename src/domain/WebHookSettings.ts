/** What web-hook.toml says, decoded: times in milliseconds, defaults filled in. Keys: docs/web-hook-toml.md. */
import type * as Redacted from "effect/Redacted";
import type { Compat, PayloadMode } from "./BodyForm.ts";
import type { HookRule } from "./HookRule.ts";
import type { OutboxSettings } from "./OutboxSettings.ts";
import type { RetryPolicy } from "./RetryPolicy.ts";
import type { TlsIdentity } from "./TlsIdentity.ts";

/** The certificates of a `ca_file`. */
export interface TrustedCertificates {
  readonly file: string;
  /** In PEM, and nothing else. */
  readonly pem: string;
}

/** How several deliveries go in one request: JSON in an array, or one body a line. */
export type BatchForm = "array" | "ndjson";

export interface BatchSettings {
  readonly form: BatchForm;
  /** Events in one request. */
  readonly maxEvents: number;
  /** Of the request's body, before compression; an event that is larger goes alone. */
  readonly maxBytes: number;
  /** How long an event waits for others, in milliseconds. */
  readonly maxDelay: number;
}

/** So many attempts in a period of so many milliseconds. */
export interface RateLimit {
  readonly count: number;
  readonly period: number;
}

/** How one URL is delivered to: the file's general keys, overridden by its `[[endpoint]]` table. */
export interface EndpointSettings {
  /** `http://`, `https://` or `file://`, as written in the rule. */
  readonly url: string;
  /** What it is called wherever somebody looks; no two URLs have one (`endpointNames`). */
  readonly name: string;
  /** Sent with every request; values are secret. */
  readonly headers: ReadonlyArray<readonly [name: string, value: Redacted.Redacted<string>]>;
  /** What each attempt is signed with, the newest first; empty: none is. At most 64 bytes each. */
  readonly signingKeys: ReadonlyArray<Redacted.Redacted<Uint8Array>>;
  readonly payload: PayloadMode;
  /** Trusted beside the system's. */
  readonly ca: TrustedCertificates | undefined;
  /** Shown to a receiver that asks who comes. */
  readonly identity: TlsIdentity | undefined;
  /** From sending a request to having its whole response, in milliseconds. */
  readonly httpTimeout: number;
  /** Requests in flight to this URL, within the limit over all of them. */
  readonly concurrencyLimit: number;
  readonly retry: RetryPolicy;
  /** Undefined: each event is a request of its own. */
  readonly batch: BatchSettings | undefined;
  readonly compression: "none" | "gzip";
  /** Undefined: attempts are made as fast as the URL answers. */
  readonly rateLimit: RateLimit | undefined;
}

export interface WebHookSettings {
  /** Threads for HTTP delivery beside the broker's own; 0: deliver on the broker's thread. */
  readonly workerThreads: number;
  /** Events that may wait. */
  readonly queueCapacity: number;
  /** HTTP requests in flight, over all workers and URLs. */
  readonly concurrencyLimit: number;
  /** How long a stopping process goes on delivering, in milliseconds. */
  readonly shutdownTimeout: number;
  /** What part (0..1] of `queueCapacity` the failing URLs may occupy together. */
  readonly endpointShare: number;
  /** What part (0..1] of `queueCapacity` the ordered events of one client may occupy. */
  readonly clientShare: number;
  /** What happens to events when the queue is full. */
  readonly whenFull: "backpressure" | "drop_newest" | "drop_oldest";
  /** Failures in a row after which an endpoint's breaker opens. */
  readonly breakerFailures: number;
  /** Which of one client's events reach a URL in order. */
  readonly ordering: "lifecycle" | "client" | "none";
  /** `pool`: our keep-alive HTTP/1.1 client. `fetch`: the platform's. */
  readonly httpClient: "pool" | "fetch";
  /** Whose bodies receivers get. */
  readonly compat: Compat;
  readonly outbox: OutboxSettings;
  readonly rules: ReadonlyArray<HookRule>;
  /** Every URL that a rule names, once. */
  readonly endpoints: ReadonlyMap<string, EndpointSettings>;
}
