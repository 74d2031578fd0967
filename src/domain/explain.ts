/**
 * Which rules an event would match, where each would send it, and why one would not: what `forEachMatch` of
 * webhook/dispatch/RuleTable does, in words.
 */
import { displayUrl } from "./displayUrl.ts";
import type { HookEventName } from "./HookEvent.ts";
import { matches } from "./TopicFilter.ts";
import type { HookRule } from "./HookRule.ts";

export interface Explanation {
  /** Its place among the event's rules, from 0 on. */
  readonly rule: number;
  readonly action: string;
  readonly topics: ReadonlyArray<string>;
  /** By name. */
  readonly urls: ReadonlyArray<string>;
  readonly matches: boolean;
  /** Why it matches, or does not. */
  readonly why: string;
}

/**
 * All rules of the event, those that don't match too.
 *
 * @param topic the event's topic or filter; undefined: it has none
 * @param called what a URL is called
 */
export const explain = (
  rules: ReadonlyArray<HookRule>,
  event: HookEventName,
  topic: string | undefined,
  called: (url: string) => string = displayUrl,
): ReadonlyArray<Explanation> =>
  rules.filter((rule) => rule.event === event).map(({ action, topics, urls }, rule) => ({
    rule,
    action,
    topics,
    urls: urls.map((url) => called(url)),
    ...judged(topics, topic),
  }));

const judged = (
  topics: ReadonlyArray<string>,
  topic: string | undefined,
): Pick<Explanation, "matches" | "why"> => {
  if (topics.length === 0) return { matches: true, why: "it has no topics: it takes every event" };
  if (topic === undefined) return { matches: false, why: "the event has no topic" };
  const found = topics.find((filter) => matches(filter, topic));
  if (found !== undefined) {
    return { matches: true, why: `${quoted(found)} matches ${quoted(topic)}` };
  }
  const why = topics.length === 1
    ? `${quoted(topics[0] ?? "")} does not match ${quoted(topic)}`
    : `none of ${topics.map(quoted).join(", ")} matches ${quoted(topic)}`;
  const isHidden = topic.startsWith("$") && topics.some((filter) => matches(filter, ` ${topic}`));
  return {
    matches: false,
    why: isHidden ? `${why}: a wildcard in front takes no topic that begins with $` : why,
  };
};

const quoted = (text: string): string => JSON.stringify(text);
