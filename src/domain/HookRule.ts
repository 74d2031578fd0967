import type { HookEventName } from "./HookEvent.ts";

/** One rule of web-hook.toml: which events go where, under which name. */
export interface HookRule {
  readonly event: HookEventName;
  /** The body's `action`. */
  readonly action: string;
  /** Topic filters of which one must match the event's subject; empty: all events. */
  readonly topics: ReadonlyArray<string>;
  /** Where to: at least one; the defaults are already filled in. Each is a key of `WebHookSettings.endpoints`. */
  readonly urls: ReadonlyArray<string>;
}
