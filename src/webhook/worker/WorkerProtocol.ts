/** What the broker's thread and a delivery worker say to each other. */
import type { AnswerFault } from "../../http/AnswerFault.ts";
import type { RetryPolicy } from "../../domain/RetryPolicy.ts";
import type { BatchForm, EndpointSettings, WebHookSettings } from "../../domain/WebHookSettings.ts";
import type { FailureReason } from "../attempt/DeliveryError.ts";
import type { Certificates } from "../attempt/Senders.ts";

/** An endpoint as a worker needs it. Its secrets are unwrapped: a Redacted cannot cross a thread. */
export interface WorkerEndpoint {
  readonly key: number;
  readonly url: string;
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  readonly signingKeys: ReadonlyArray<Uint8Array>;
  readonly certificates: Certificates;
  readonly httpTimeout: number;
  readonly retryStatus: RetryPolicy["status"];
  readonly batchForm: BatchForm | undefined;
  readonly compression: EndpointSettings["compression"];
}

export type ToWorker =
  /** The first message, and the only one before `Ready`. */
  | {
    readonly _tag: "Start";
    readonly httpClient: WebHookSettings["httpClient"];
    /** Requests in flight: this worker's share of the limit. */
    readonly permits: number;
    readonly idPrefix: string;
  }
  /** Before an endpoint's first attempt, and when its settings have changed. */
  | { readonly _tag: "Endpoint"; readonly endpoint: WorkerEndpoint }
  /** What of this endpoint is not on its way yet is wanted back. */
  | { readonly _tag: "Recall"; readonly endpoint: number }
  /** From now on the worker's share of the limit is this. */
  | { readonly _tag: "Permits"; readonly permits: number }
  /** Of this endpoint there is nothing, and nothing more will come. */
  | { readonly _tag: "Forget"; readonly endpoint: number }
  /** An AttemptParcel, transferred. */
  | { readonly _tag: "Attempts"; readonly parcel: ArrayBuffer };

/** A delivery that was made, by an answer that was faulty behind its status. */
export interface WorkerFaultyDelivery {
  readonly _tag: "Delivered";
  readonly id: number;
  readonly fault: AnswerFault;
}

/** A DeliveryError, the delivery that it is about, and what was wrong with the answer behind its status. */
export interface WorkerFailure {
  readonly _tag: "Failed";
  readonly id: number;
  readonly fault: AnswerFault | undefined;
  readonly reason: FailureReason;
  readonly status: number | undefined;
  readonly detail: string;
  readonly retryable: boolean;
  readonly retryAfter: number | undefined;
  readonly gone: boolean;
}

export type FromWorker =
  /** The answer to `Start`. */
  | { readonly _tag: "Ready" }
  /** Attempts that are over. */
  | {
    readonly _tag: "Outcomes";
    /** In the order in which they ended, since a breaker counts failures in a row; a number: the id of one delivered. */
    readonly ended: ReadonlyArray<number | WorkerFaultyDelivery | WorkerFailure>;
    /** How long each of these took, in milliseconds. */
    readonly took: Float32Array;
    /** Of the answers that delivered these; 0: there was none. */
    readonly statuses: Uint16Array;
    /** The ids of those that were not sent: recalled, or too late. */
    readonly returned: ReadonlyArray<number>;
  };
