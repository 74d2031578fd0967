import type { QoS } from "../../domain/QoS.ts";
import { parseFilter } from "../../domain/TopicFilter.ts";
import type { Session } from "../session/Session.ts";

/** One session's subscription to one filter. MQTT 5.0 section 3.8.3.1 */
export interface Subscription {
  readonly session: Session;
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
  session: Session,
  topic: string,
  options: Omit<Subscription, "session" | "topic" | "share" | "filter">,
): Subscription | undefined => {
  const parsed = parseFilter(topic);
  return parsed === undefined ? undefined : { session, topic, ...parsed, ...options };
};
