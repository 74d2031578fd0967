/** Which deliveries are asked for; what is absent chooses among none. */
import type { HookEventName } from "../../domain/HookEvent.ts";
import { matches } from "../../domain/TopicFilter.ts";
import type { DeliveryOutcome } from "./DeliveryRecord.ts";
import type { Slot } from "./Slot.ts";

export interface DeliveryFilter {
  readonly event?: HookEventName;
  /** As log and metrics have it. */
  readonly url?: string;
  /** Any of these. */
  readonly outcomes?: ReadonlySet<DeliveryOutcome>;
  readonly clientid?: string;
  /** A part of it. */
  readonly likeClientid?: string;
  /** A topic filter, for topics and for the filters of subscriptions alike. */
  readonly topic?: string;
}

/** What costs a look into the body is asked last. */
export const isWanted = (filter: DeliveryFilter, slot: Slot): boolean => {
  const { event, url, outcomes, clientid, likeClientid, topic } = filter;
  return (event === undefined || slot.event === event) &&
    (url === undefined || slot.url === url) &&
    (outcomes === undefined || outcomes.has(slot.outcome)) &&
    (clientid === undefined || slot.clientid === clientid) &&
    (likeClientid === undefined || slot.clientid.includes(likeClientid)) &&
    (topic === undefined || (slot.topic !== undefined && matches(topic, slot.topic)));
};
