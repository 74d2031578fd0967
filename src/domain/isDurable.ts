import type { BrokerSettings } from "./BrokerSettings.ts";
import type { WebHookSettings } from "./WebHookSettings.ts";

/** Whether anything has to survive the process, and so is written to `outbox_dir`. */
export const isDurable = (
  { broker, webHook: { outbox } }: {
    readonly broker: BrokerSettings;
    readonly webHook: WebHookSettings;
  },
): boolean => outbox.kind === "disk" || outbox.deadLetters || broker.persistence;
