/**
 * Brings one message to every session whose subscriptions match: one copy each, with the highest QoS
 * of the subscriptions that overlap [MQTT-3.3.4-2], and one to a member of each shared group.
 */
import type { QoS } from "../../domain/QoS.ts";
import type { Message } from "./Message.ts";
import type { Session } from "../session/Session.ts";
import type { SharedGroup } from "./SharedGroup.ts";
import type { Subscription } from "./Subscription.ts";
import type { TopicTree, TopicTreeVisitor } from "./TopicTree.ts";

const lower = (a: QoS, b: QoS): QoS => a < b ? a : b;

export class Router implements TopicTreeVisitor {
  // What is gathered while the tree is walked. The notes about a session stand on the session itself
  // (`routingRound` …), which saves a map entry per recipient.
  #round = 0;
  #publisher = "";
  readonly #sessions: Array<Session> = [];
  readonly #groups: Array<SharedGroup> = [];

  constructor(readonly topics: TopicTree) {}

  /** Delivers or queues; answers how many sessions the message was for. */
  route(message: Message): number {
    this.#round++;
    this.#publisher = message.from.clientid;
    this.topics.match(message.topic, this);
    const sessions = this.#sessions;
    const groups = this.#groups;
    for (const session of sessions) {
      session.deliver(
        message,
        lower(message.qos, session.routingQos),
        message.retain && session.routingRetain,
        session.routingIdentifiers,
        undefined,
      );
      session.routingIdentifiers = undefined;
    }
    let recipients = sessions.length;
    for (const group of groups) if (this.toMember(group, message, message.qos)) recipients++;
    sessions.length = 0;
    groups.length = 0;
    message.forgetFrames();
    return recipients;
  }

  /** Delivers to the member whose turn it is; answers false when the group has none. [MQTT-4.8.2-3] */
  toMember(group: SharedGroup, message: Message, qos: QoS): boolean {
    const member = group.choose();
    if (member === undefined) return false;
    member.session.deliver(
      message,
      lower(qos, member.qos),
      message.retain && member.retainAsPublished,
      member.identifier > 0 ? [member.identifier] : undefined,
      group,
    );
    return true;
  }

  subscription(subscription: Subscription): void {
    const { session, identifier } = subscription;
    if (subscription.noLocal && session.id === this.#publisher) return; // [MQTT-3.8.3-3]
    if (session.routingRound !== this.#round) {
      session.routingRound = this.#round;
      session.routingQos = subscription.qos;
      session.routingRetain = subscription.retainAsPublished;
      if (identifier > 0) session.routingIdentifiers = [identifier];
      this.#sessions.push(session);
      return;
    }
    if (subscription.qos > session.routingQos) session.routingQos = subscription.qos;
    if (subscription.retainAsPublished) session.routingRetain = true;
    if (identifier > 0) (session.routingIdentifiers ??= []).push(identifier);
  }

  group(group: SharedGroup): void {
    this.#groups.push(group);
  }
}
