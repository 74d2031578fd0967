/** What web-hook.toml says of what survives the process, decoded. Keys: docs/web-hook-toml.md. */

export interface OutboxSettings {
  /** Where deliveries wait that are not at their end. */
  readonly kind: "memory" | "disk";
  /** The directory of the store, relative to the working directory; one broker has it for itself. */
  readonly directory: string;
  /** When fsync is called: never, within `syncInterval`, or before anything counts as safe. */
  readonly sync: "none" | "interval" | "commit";
  /** In milliseconds. */
  readonly syncInterval: number;
  /** Milliseconds that a delivery may take before it is written. */
  readonly delay: number;
  /** Bytes of deliveries on disk; then `whenFull`. */
  readonly maxBytes: number;
  /** Whether what is given up is kept. */
  readonly deadLetters: boolean;
  /** Whether what was given up because its URL failed as a whole is sent again by itself. */
  readonly deadLetterReplay: "recovery" | "manual";
  /** In milliseconds. */
  readonly deadLetterMaxAge: number;
  readonly deadLetterMaxBytes: number;
}
