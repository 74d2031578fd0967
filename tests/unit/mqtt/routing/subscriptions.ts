/** Subscriptions and topics for tests of what matches them, and a matcher too simple to be wrong. */
import * as fc from "effect/FastCheck";
import { Message } from "../../../../src/mqtt/routing/Message.ts";
import { NO_PROPERTIES } from "../../../../src/mqtt/wire/properties.ts";
import type { Session } from "../../../../src/mqtt/session/Session.ts";
import type { Subscription } from "../../../../src/mqtt/routing/Subscription.ts";

/** As much of a session as a shared group looks at. */
export interface Member {
  readyToSend: boolean;
  client: object | undefined;
}

export const subscription = (
  filter: string,
  share?: string,
  member: Member = { readyToSend: true, client: {} },
): Subscription => ({
  session: member as unknown as Session, // what is tested looks at no more of it
  topic: share === undefined ? filter : `$share/${share}/${filter}`,
  share,
  filter,
  qos: 0,
  noLocal: false,
  retainAsPublished: false,
  identifier: 0,
});

export const message = (topic: string, payload = "x"): Message =>
  new Message(
    { node: 1, ipaddress: "127.0.0.1:1", clientid: "p", username: "undefined" },
    topic,
    new TextEncoder().encode(payload),
    0,
    true,
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
