/**
 * The retained messages that a new subscription is due, on their way: found one by one as the client
 * takes them. `#` over 100,000 topics costs as much at a time as the client reads, queues nothing and
 * drops nothing. It must never look further than it is asked to.
 */
import { Outgoing } from "./Outgoing.ts";
import type { RetainedMessages } from "../routing/RetainedMessages.ts";
import type { Subscription } from "../routing/Subscription.ts";

export class RetainedDelivery {
  #subscription: Subscription;
  #walk: ReturnType<RetainedMessages["walk"]> | undefined;

  constructor(subscription: Subscription, readonly retained: RetainedMessages) {
    this.#subscription = subscription;
    this.#walk = retained.walk(subscription.filter);
  }

  get subscription(): Subscription {
    return this.#subscription;
  }

  /** Whether there is nothing left. */
  get isDone(): boolean {
    return this.#walk === undefined;
  }

  /** Begins anew: the client has subscribed to the same filter again. */
  restart(subscription: Subscription): void {
    this.#subscription = subscription;
    this.#walk = this.retained.walk(subscription.filter);
  }

  /** Ends it: the client has unsubscribed. */
  cancel(): void {
    this.#walk = undefined;
  }

  /** Takes one step; undefined: it found no message that is still good. MQTT 5.0 section 3.8.3.1 */
  next(now: number): Outgoing | undefined {
    const { value: message, done } = this.#walk?.next() ?? { value: undefined, done: true };
    if (done) this.#walk = undefined;
    if (!message || message.expiresAt <= now) return undefined;
    const { subscriber, qos, identifier, noLocal } = this.#subscription;
    if (noLocal && message.from.clientid === subscriber.id) return undefined; // [MQTT-3.8.3-3]
    return new Outgoing(
      message,
      message.qos < qos ? message.qos : qos,
      true, // section 3.3.1.3, 3.1.1: [MQTT-3.3.1-8]
      identifier > 0 ? [identifier] : undefined,
      undefined,
      message.expiresAt,
    );
  }
}
