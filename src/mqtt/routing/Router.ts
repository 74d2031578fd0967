/**
 * Brings one message to every subscriber whose subscriptions match: one copy each, with the highest QoS
 * of the subscriptions that overlap [MQTT-3.3.4-2], and one to a member of each shared group.
 */
import type { QoS } from "../../domain/QoS.ts";
import type { Message } from "./Message.ts";
import type { SharedGroup, Subscriber, Subscription } from "./Subscription.ts";
import type { TopicTree, TopicTreeVisitor } from "./TopicTree.ts";

const lower = (a: QoS, b: QoS): QoS => a < b ? a : b;

export class Router implements TopicTreeVisitor {
  // What is gathered while the tree is walked, beside the subscribers' own RoutingNotes.
  #round = 0;
  #publisher = "";
  readonly #subscribers: Array<Subscriber> = [];
  readonly #groups: Array<SharedGroup> = [];

  constructor(readonly topics: TopicTree) {}

  /** Delivers or queues; returns how many subscribers the message was for. */
  route(message: Message): number {
    this.#round++;
    this.#publisher = message.from.clientid;
    this.topics.match(message.topic, this);
    const subscribers = this.#subscribers;
    const groups = this.#groups;
    for (const subscriber of subscribers) {
      subscriber.deliver(
        message,
        lower(message.qos, subscriber.routingQos),
        message.retain && subscriber.routingRetain,
        subscriber.routingIdentifiers,
        undefined,
      );
      subscriber.routingIdentifiers = undefined;
    }
    let recipients = subscribers.length;
    for (const group of groups) if (this.toMember(group, message, message.qos)) recipients++;
    subscribers.length = 0;
    groups.length = 0;
    message.forgetFrames();
    return recipients;
  }

  /** Delivers to the member whose turn it is; returns false when the group has none. [MQTT-4.8.2-3] */
  toMember(group: SharedGroup, message: Message, qos: QoS): boolean {
    const member = group.choose(message.topic);
    if (member === undefined) return false;
    member.subscriber.deliver(
      message,
      lower(qos, member.qos),
      message.retain && member.retainAsPublished,
      member.identifier > 0 ? [member.identifier] : undefined,
      group,
    );
    return true;
  }

  subscription(subscription: Subscription): void {
    const { subscriber, identifier } = subscription;
    if (subscription.noLocal && subscriber.id === this.#publisher) return; // [MQTT-3.8.3-3]
    if (subscriber.routingRound !== this.#round) {
      subscriber.routingRound = this.#round;
      subscriber.routingQos = subscription.qos;
      subscriber.routingRetain = subscription.retainAsPublished;
      if (identifier > 0) subscriber.routingIdentifiers = [identifier];
      this.#subscribers.push(subscriber);
      return;
    }
    if (subscription.qos > subscriber.routingQos) subscriber.routingQos = subscription.qos;
    if (subscription.retainAsPublished) subscriber.routingRetain = true;
    if (identifier > 0) (subscriber.routingIdentifiers ??= []).push(identifier);
  }

  group(group: SharedGroup): void {
    this.#groups.push(group);
  }
}
