/**
 * The broker's only way out for hook events: what it asks before it builds one, where it puts it,
 * and what holds its clients back when there is no room. `webhook/intake/EventQueue.ts` implements it.
 */
import type { HookEventName } from "../../domain/HookEvent.ts";
import type { DetailedEvent } from "../../domain/RmqttBody.ts";
import type { Safety } from "./Safety.ts";

/**
 * How full the way out is.
 *
 * - `open`: every packet is processed.
 * - `brief`: PUBLISH, SUBSCRIBE and UNSUBSCRIBE packets wait, with all that came behind them, but for
 *   milliseconds only: deliveries have their turn.
 * - `high`: PUBLISH, SUBSCRIBE and UNSUBSCRIBE packets wait, unread and unacknowledged; all else is
 *   processed, so that presence is reported although traffic waits.
 * - `full`: everything that could cause an event waits; pings are answered, disconnects are noticed.
 */
export type Pressure = "open" | "brief" | "high" | "full";

export interface HookSink extends Safety {
  /**
   * Whether any rule wants this event; asked before the event is built. `subject` is what rules'
   * `topics` match: the message's topic or the subscription's filter.
   */
  wants(event: HookEventName, subject?: string): boolean;
  /** Whether events are to tell what RMQTT's bodies have beside. Never changes. */
  readonly isDetailed: boolean;
  /** Takes one event. Never blocks, never throws; when the queue is full see `pressure`. */
  emit(event: DetailedEvent): void;
  /** Asked before each packet, and within one of many parts. */
  readonly pressure: Pressure;
  /**
   * Asked before each CONNECT too, whatever the pressure: false while the events of clients that come in
   * have used up their share. Who is not in yet never holds those who are.
   */
  readonly admits: boolean;
  /**
   * Whether this client has to wait although others have not: its own events are more than its share. Asked
   * before each packet as well. Its packets wait as under `full`.
   */
  holds(clientid: string): boolean;
}
