/**
 * Publish and subscribe: what is published reaches those who have subscribed, and is kept where it is to
 * be retained. Knows subscribers and nothing of sessions, clients or connections.
 */
import type { Deadline, Deadlines } from "../../collections/Deadlines.ts";
import type { BrokerLimits } from "../../domain/BrokerSettings.ts";
import type { QoS } from "../../domain/QoS.ts";
import type { Hooks } from "../events/Hooks.ts";
import type { SessionStore } from "../ports/SessionStore.ts";
import type { Message } from "./Message.ts";
import { RetainedMessages } from "./RetainedMessages.ts";
import { Router } from "./Router.ts";
import type { SharedGroup, Subscription } from "./Subscription.ts";
import { TopicTree } from "./TopicTree.ts";

/** How much may be retained. */
export interface RetainHost {
  readonly limits: Pick<BrokerLimits, "maxRetainedMessages" | "maxRetainedPayload">;
  /** Nothing more is to be kept than is. */
  readonly isMemoryShort: boolean;
  /** Where they are kept; undefined: they end with the process. */
  readonly sessionStore: Pick<SessionStore, "retained"> | undefined;
}

export class PubSub {
  readonly topics = new TopicTree();
  readonly retained = new RetainedMessages();
  /** By topic; of the retained messages that expire. */
  readonly #retainedExpiry = new Map<string, Deadline>();
  readonly #router = new Router(this.topics);

  constructor(
    readonly hooks: Hooks,
    readonly deadlines: Deadlines,
    readonly host: RetainHost,
  ) {}

  /** Whether there is room to retain a message that asks for it; others, and empty ones, need none. */
  hasRoomFor({ retain, topic, payload }: Message): boolean {
    if (!retain || payload.length === 0) return true;
    const { limits, isMemoryShort } = this.host;
    const { maxRetainedMessages, maxRetainedPayload } = limits;
    if (maxRetainedPayload > 0 && payload.length > maxRetainedPayload) return false;
    if (!isMemoryShort && maxRetainedMessages === 0) return true;
    const replaced = this.retained.get(topic);
    if (isMemoryShort) return replaced !== undefined && payload.length <= replaced.payload.length;
    return replaced !== undefined || this.retained.size < maxRetainedMessages;
  }

  /** Publishes a message, for which `hasRoomFor` has been asked: stores it when it is retained, and routes it. Returns for how many subscribers it was. */
  publish(message: Message): number {
    this.hooks.messagePublish(message);
    if (message.retain) this.#retain(message);
    return this.#router.route(message);
  }

  /** Adds a subscription, in the place of `replaced` if there is one. [MQTT-3.8.4-3] */
  subscribe(subscription: Subscription, replaced: Subscription | undefined): void {
    this.topics.add(subscription);
    // After the new one came: a shared group that would be empty in between would not be the same after.
    if (replaced !== undefined) this.topics.remove(replaced);
  }

  /** Takes a subscription out; returns its shared group when others are left in it. */
  unsubscribe(subscription: Subscription): SharedGroup | undefined {
    const { share, filter } = subscription;
    const group = share === undefined ? undefined : this.topics.group(share, filter);
    this.topics.remove(subscription);
    return group !== undefined && group.members.length > 0 ? group : undefined;
  }

  /** Delivers to the member whose turn it is; returns false when the group has none. [MQTT-4.8.2-3] */
  toMember(group: SharedGroup, message: Message, qos: QoS): boolean {
    return this.#router.toMember(group, message, qos);
  }

  /** Forgets the topic's message; answers whether it had one. */
  forgetRetained(topic: string): boolean {
    this.#cancelExpiry(topic);
    if (!this.retained.delete(topic)) return false;
    this.host.sessionStore?.retained(topic, undefined, false);
    return true;
  }

  #retain(message: Message): void {
    const { topic } = message;
    if (message.payload.length === 0) {
      this.forgetRetained(topic); // [MQTT-3.3.1-6] [MQTT-3.3.1-7]
      return;
    }
    this.#cancelExpiry(topic);
    const isNew = this.retained.set(message);
    this.host.sessionStore?.retained(topic, message, isNew);
    this.#expire(message);
  }

  /** Takes back a message that was retained before the process began. */
  restoreRetained(message: Message): void {
    this.retained.set(message);
    this.#expire(message);
  }

  #cancelExpiry(topic: string): void {
    const expiry = this.#retainedExpiry.get(topic);
    if (expiry === undefined) return;
    this.deadlines.cancel(expiry);
    this.#retainedExpiry.delete(topic);
  }

  #expire({ topic, expiresAt }: Message): void {
    if (expiresAt === Infinity) return;
    const deadline = this.deadlines.schedule(expiresAt, () => {
      this.#retainedExpiry.delete(topic);
      this.retained.delete(topic);
      this.host.sessionStore?.retained(topic, undefined, false);
    });
    this.#retainedExpiry.set(topic, deadline);
  }
}
