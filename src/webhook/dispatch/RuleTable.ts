/** The rules, made ready to be asked once per event: who wants it, under which action, at which URLs. */
import type { HookEvent, HookEventName } from "../../domain/HookEvent.ts";
import { subjectOf } from "../../domain/HookEvent.ts";
import type { HookRule } from "../../domain/HookRule.ts";
import { matches } from "../../domain/TopicFilter.ts";
import type { EventEncoder } from "../body/EventEncoder.ts";
import * as EventEncoderModule from "../body/EventEncoder.ts";

/** The rules of one event that share an action, and so a body. */
export interface Action<Target> {
  readonly encode: EventEncoder;
  readonly rules: ReadonlyArray<{
    /** Empty: every event. */
    readonly topics: ReadonlyArray<string>;
    readonly targets: ReadonlyArray<Target>;
  }>;
}

/** The rules of all events. Made at start and at a reload, never changed. */
export class RuleTable<Target> {
  readonly #actions: ReadonlyMap<HookEventName, ReadonlyArray<Action<Target>>>;

  /** `targetOf` is asked once per rule and URL. Throws when an event's schema cannot be encoded. */
  constructor(rules: ReadonlyArray<HookRule>, targetOf: (url: string) => Target) {
    const byEvent = new Map<HookEventName, Map<string, Array<Action<Target>["rules"][number]>>>();
    for (const { event, action, topics, urls } of rules) {
      const byAction = byEvent.get(event) ?? new Map();
      byEvent.set(event, byAction);
      const sharing = byAction.get(action) ?? [];
      byAction.set(action, sharing);
      sharing.push({ topics, targets: urls.map(targetOf) });
    }
    this.#actions = new Map(
      [...byEvent].map(([event, byAction]) => [
        event,
        [...byAction].map(([action, rules]) => ({
          encode: EventEncoderModule.make(event, action),
          rules,
        })),
      ]),
    );
  }

  /** Whether any rule wants this event; without a subject, whether one could. */
  wants(event: HookEventName, subject?: string): boolean {
    const actions = this.#actions.get(event);
    if (actions === undefined) return false;
    if (subject === undefined) return true;
    for (const { rules } of actions) {
      for (const { topics } of rules) if (applies(topics, subject)) return true;
    }
    return false;
  }

  /** Calls `visit` for each rule that matches and each of its targets. */
  forEachMatch(event: HookEvent, visit: (action: Action<Target>, target: Target) => void): void {
    const actions = this.#actions.get(event._tag);
    if (actions === undefined) return;
    const subject = subjectOf(event);
    for (const action of actions) {
      for (const { topics, targets } of action.rules) {
        if (!applies(topics, subject)) continue;
        for (const target of targets) visit(action, target);
      }
    }
  }
}

const applies = (topics: ReadonlyArray<string>, subject: string | undefined): boolean => {
  if (topics.length === 0) return true;
  if (subject === undefined) return false;
  for (const filter of topics) if (matches(filter, subject)) return true;
  return false;
};
