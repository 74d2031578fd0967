/**
 * Every metric, in one synchronous look at what the parts count anyway, so that the account of events holds
 * within one answer: matched = delivered + failed + dropped + queued + in flight + kept.
 *
 * Labels never hold a client identifier or a topic: of their values there must be few.
 */
import type { LastReload } from "../config/Reloaded.ts";
import type { Broker } from "../mqtt/Broker.ts";
import type { WebHook } from "../webhook/WebHook.ts";
import { brokerFamilies } from "./brokerFamilies.ts";
import { eventFamilies, outboxFamilies, queueFamilies } from "./deliveryFamilies.ts";
import { processFamilies } from "./processFamilies.ts";
import type { ProcessFigures } from "./ProcessFigures.ts";
import type { Family } from "./prometheus.ts";

export interface MetricsSource {
  readonly broker: Broker;
  readonly webHook: Pick<WebHook, "metrics" | "sink">;
  readonly lastReload: () => LastReload;
  readonly process: () => ProcessFigures;
}

export const metricFamilies = (
  { broker, webHook, lastReload, process }: MetricsSource,
): Array<Family> => {
  const snapshot = webHook.metrics.snapshot();
  return [
    ...eventFamilies(snapshot),
    ...queueFamilies(snapshot, webHook.sink.pressure),
    ...outboxFamilies(snapshot),
    ...brokerFamilies(broker),
    ...processFamilies(process(), lastReload()),
  ];
};
