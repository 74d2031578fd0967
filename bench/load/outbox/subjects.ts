/** What is compared: the same broker with its outbox in memory, and on disk as safe as each `outbox_sync`. */
import type { Job, Subject } from "../delivery/subjects.ts";
import { hookline } from "../delivery/subjects.ts";

/** In memory first: the others are told as ratios of it. */
export const DURABILITIES = ["memory", "none", "interval", "commit"] as const;
export type Durability = typeof DURABILITIES[number];

/** Lines of web-hook.toml. `outbox`: the folder of the store. */
export const outboxSettings = (durability: Durability, outbox: string): ReadonlyArray<string> =>
  durability === "memory"
    ? ['outbox = "memory"']
    : ['outbox = "disk"', `outbox_dir = "${outbox}"`, `outbox_sync = "${durability}"`];

/** Delivery on the broker's own thread, so that each event's cost is seen whole. */
export const makeSubject = (durability: Durability, folder: string): Subject => {
  const { start } = hookline(0, folder);
  return {
    name: durability,
    start: ({ urls, settings = [] }: Job) =>
      start({
        urls,
        settings: [...outboxSettings(durability, `${folder}/${crypto.randomUUID()}`), ...settings],
      }),
  };
};
