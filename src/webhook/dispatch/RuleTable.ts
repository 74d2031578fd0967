/** The rules, made ready to be asked once per event: who wants it, under which action, at which URLs. */
import type { Compat, PayloadMode } from "../../domain/BodyForm.ts";
import { USUAL_FORM } from "../../domain/BodyForm.ts";
import type { HookEvent, HookEventName } from "../../domain/HookEvent.ts";
import { hasPayload, subjectOf } from "../../domain/HookEvent.ts";
import type { HookRule } from "../../domain/HookRule.ts";
import { matches } from "../../domain/TopicFilter.ts";
import type { EventEncoder } from "../body/EventEncoder.ts";
import * as EventEncoderModule from "../body/EventEncoder.ts";

/** The rules of one event that share an action and the form of the payload, and so a body. */
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

  /**
   * `targetOf` and `payloadIn` are asked once per rule and URL. Throws when an event's schema cannot be encoded.
   */
  constructor(
    rules: ReadonlyArray<HookRule>,
    targetOf: (url: string) => Target,
    payloadIn: (url: string) => PayloadMode = () => USUAL_FORM.payload,
    compat: Compat = USUAL_FORM.compat,
  ) {
    const byEvent = Map.groupBy(rules, ({ event }) => event);
    this.#actions = new Map(
      byEvent.entries().map(([event, of]) => {
        const byBody = new Map<string, BodyOf<Target>>();
        for (const { action, topics, urls } of of) {
          // Events without a payload have one body, whatever the URLs want.
          const byForm = Map.groupBy(
            urls,
            (url) => hasPayload(event) ? payloadIn(url) : USUAL_FORM.payload,
          );
          for (const [payload, sharing] of byForm) {
            const key = `${payload} ${action}`;
            const body = byBody.get(key) ?? {
              encode: EventEncoderModule.make(event, action, { payload, compat }),
              rules: [],
            };
            byBody.set(key, body);
            body.rules.push({ topics, targets: sharing.map(targetOf) });
          }
        }
        return [event, [...byBody.values()]];
      }),
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

interface BodyOf<Target> extends Action<Target> {
  readonly rules: Array<Action<Target>["rules"][number]>;
}

const applies = (topics: ReadonlyArray<string>, subject: string | undefined): boolean => {
  if (topics.length === 0) return true;
  if (subject === undefined) return false;
  for (const filter of topics) if (matches(filter, subject)) return true;
  return false;
};
