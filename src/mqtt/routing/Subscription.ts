/**
 * Subscriptions, whom they deliver to, and how the members of a shared one take turns. What they deliver
 * to is known by an interface: a session of this broker is one of those that implement it.
 */
import type { QoS } from "../../domain/QoS.ts";
import { parseFilter } from "../../domain/TopicFilter.ts";
import type { Message } from "./Message.ts";

/** Who has subscribed, as routing sees it. */
export interface Subscriber extends RoutingNotes {
  /** The client identifier. */
  readonly id: string;
  /** Whether its client is there. */
  readonly connected: boolean;
  /** Whether it would send a QoS 1 or 2 message at once. */
  readonly readyToSend: boolean;
  /** Whether it may have a message of this topic; one that it is given all the same, it drops and says so. */
  mayReceive(topic: string): boolean;
  /**
   * Takes a message: sends it, queues it, or drops it and says so.
   *
   * @param qos at most the message's
   * @param identifiers the 5.0 subscription identifiers of all its subscriptions that matched
   * @param group the shared subscription that it came by
   */
  deliver(
    message: Message,
    qos: QoS,
    retain: boolean,
    identifiers: ReadonlyArray<number> | undefined,
    group: SharedGroup | undefined,
  ): void;
}

/** The router's notes on a subscriber while it routes one message: here, they save it a map entry per recipient. */
export interface RoutingNotes {
  routingRound: number;
  routingQos: QoS;
  routingRetain: boolean;
  routingIdentifiers: Array<number> | undefined;
}

/** One subscriber's subscription to one filter. MQTT 5.0 section 3.8.3.1 */
export interface Subscription {
  readonly subscriber: Subscriber;
  /** As the client wrote it, `$share/{name}/` included. */
  readonly topic: string;
  readonly share: string | undefined;
  /** What topics are matched against: `topic` without its share prefix. */
  readonly filter: string;
  /** Granted. */
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  /** 5.0 subscription identifier; 0: none. */
  readonly identifier: number;
}

/** Makes a subscription of a SUBSCRIBE's filter; undefined when the filter is malformed. */
export const makeSubscription = (
  subscriber: Subscriber,
  topic: string,
  options: Omit<Subscription, "subscriber" | "topic" | "share" | "filter">,
): Subscription | undefined => {
  const parsed = parseFilter(topic);
  return parsed === undefined ? undefined : { subscriber, topic, ...parsed, ...options };
};

/** The members of one shared subscription, `$share/{name}/{filter}`. MQTT 5.0 section 4.8.2 */
export class SharedGroup {
  readonly members: Array<Subscription> = [];
  #next = 0;

  constructor(readonly share: string, readonly filter: string) {}

  /**
   * Whose turn it is: round robin over the members that can take a message at once; when none can,
   * over the connected ones, whose queue takes it; when all are away, over all, since a persistent
   * session keeps it. One that may not have a message of this topic is chosen only where none may: it
   * says so. Undefined when there is no member.
   */
  choose(topic: string): Subscription | undefined {
    const members = this.members;
    let connected = -1;
    let away = -1;
    let denied = -1;
    for (let i = 0; i < members.length; i++) {
      const position = (this.#next + i) % members.length;
      const { subscriber } = members[position] as Subscription; // a position in members
      if (!subscriber.mayReceive(topic)) {
        if (denied < 0) denied = position;
      } else if (subscriber.readyToSend) return this.#turn(position);
      else if (!subscriber.connected) {
        if (away < 0) away = position;
      } else if (connected < 0) connected = position;
    }
    return this.#turn(connected >= 0 ? connected : away >= 0 ? away : denied);
  }

  #turn(position: number): Subscription | undefined {
    this.#next = position + 1;
    return this.members[position];
  }
}
