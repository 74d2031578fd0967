import type { KeyPath } from "./ConfigError.ts";

/** Something in a file that is allowed and can hardly be meant. */
export interface Doubt {
  readonly path: KeyPath;
  readonly text: string;
}
