/** Which rules an event would match, and where each would send it: what `forEachMatch` of RuleTable does, in words. */
import { displayUrl } from "../domain/displayUrl.ts";
import type { HookEventName } from "../domain/HookEvent.ts";
import type { HookRule } from "../domain/HookRule.ts";
import { matches } from "../domain/TopicFilter.ts";
import type { Explanation } from "./Api.ts";

/**
 * All rules of the event, those that don't match too.
 *
 * @param topic the event's topic or filter; undefined: it has none
 */
export const explain = (
  rules: ReadonlyArray<HookRule>,
  event: HookEventName,
  topic: string | undefined,
): ReadonlyArray<Explanation> =>
  rules.filter((rule) => rule.event === event).map(({ action, topics, urls }, rule) => ({
    rule,
    action,
    topics,
    urls: urls.map(displayUrl),
    matches: topics.length === 0 ||
      topic !== undefined && topics.some((filter) => matches(filter, topic)),
  }));
