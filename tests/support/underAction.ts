import type { HookEvent } from "../../src/domain/HookEvent.ts";

/** An event as `eventBody` takes it. */
export const underAction = (
  event: HookEvent,
  action: string,
): Readonly<Record<string, unknown>> => {
  const { _tag, ...fields } = event;
  return { action, ...fields };
};
