/** Why a message was dropped. docs/events.md, "Reasons"; any other reason is that of its session's end. */
export const DropReason = {
  MessageQueueFull: "MessageQueueFull",
  MessageExpiration: "MessageExpiration",
  PublishRefused: "PublishRefused",
} as const;

/** Whether a message was dropped because its session ended. */
export const isOfSessionEnd = (reason: string): boolean => !OTHERS.has(reason);

const OTHERS: ReadonlySet<string> = new Set(Object.values(DropReason));
