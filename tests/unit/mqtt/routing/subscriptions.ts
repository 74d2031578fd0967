/** Subscriptions and topics for tests of what matches them, and a matcher too simple to be wrong. */
import * as fc from "effect/FastCheck";
import { Message } from "../../../../src/mqtt/routing/Message.ts";
import { NO_PROPERTIES } from "../../../../src/mqtt/wire/properties.ts";
import type {
  SharedGroup,
  Subscriber,
  Subscription,
} from "../../../../src/mqtt/routing/Subscription.ts";
import type { QoS } from "../../../../src/domain/QoS.ts";

/** What a PlainSubscriber was given. */
export interface Given {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: ReadonlyArray<number> | undefined;
  readonly share: string | undefined;
}

/** A subscriber that is no session: it keeps what it is given. */
export class PlainSubscriber implements Subscriber {
  readonly given: Array<Given> = [];
  routingRound = 0;
  routingQos: QoS = 0;
  routingRetain = false;
  routingIdentifiers: Array<number> | undefined;

  constructor(
    readonly id = "plain",
    readonly connected = true,
    readonly readyToSend = true,
    readonly isAllowed = true,
  ) {}

  mayReceive(): boolean {
    return this.isAllowed;
  }

  deliver(
    { topic, payload }: Message,
    qos: QoS,
    retain: boolean,
    identifiers: ReadonlyArray<number> | undefined,
    group: SharedGroup | undefined,
  ): void {
    const text = new TextDecoder().decode(payload);
    this.given.push({ topic, payload: text, qos, retain, identifiers, share: group?.share });
  }
}

export const subscription = (
  filter: string,
  share?: string,
  subscriber: Subscriber = new PlainSubscriber(),
  more: Partial<Subscription> = {},
): Subscription => ({
  subscriber,
  topic: share === undefined ? filter : `$share/${share}/${filter}`,
  share,
  filter,
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  identifier: 0,
  ...more,
});

export const message = (
  topic: string,
  payload = "x",
  { qos = 0, retain = true }: { readonly qos?: QoS; readonly retain?: boolean } = {},
): Message =>
  new Message(
    { node: 1, ipaddress: "127.0.0.1:1", clientid: "p", username: "undefined" },
    topic,
    new TextEncoder().encode(payload),
    qos,
    retain,
    false,
    0,
    0,
    Infinity,
    NO_PROPERTIES,
  );

/** Few level names, so that filters and topics meet often; the empty one and `$` ones among them. */
const level = fc.constantFrom("a", "b", "", "$s", "$");
export const topic: fc.Arbitrary<string> = fc.array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join("/")).filter((topic) => topic !== "");
export const filter: fc.Arbitrary<string> = fc.tuple(
  fc.array(fc.oneof(level, fc.constant("+")), { maxLength: 4 }),
  fc.boolean(),
).map(([levels, hash]) => [...levels, ...(hash ? ["#"] : [])].join("/"))
  .filter((filter) => filter !== "");

/** Section 4.7, as it reads. */
export const naiveMatches = (filter: string, topic: string): boolean => {
  if (topic.startsWith("$") && (filter.startsWith("+") || filter.startsWith("#"))) return false;
  const below = (filters: ReadonlyArray<string>, topics: ReadonlyArray<string>): boolean => {
    const [first, ...rest] = filters;
    if (first === undefined) return topics.length === 0;
    if (first === "#") return true;
    if (topics.length === 0) return false;
    return (first === "+" || first === topics[0]) && below(rest, topics.slice(1));
  };
  return below(filter.split("/"), topic.split("/"));
};
