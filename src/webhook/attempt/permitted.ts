/** Whether the process may send to its URLs at all. Without it each attempt would fail, and be made again. */
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import { fileURLToPath } from "node:url";
import { hostOf } from "../../domain/hostOf.ts";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { has } from "../../ops/permissions.ts";
import { standardStream } from "./appendFile.ts";

/** A URL and what it is called. */
type Target = Pick<EndpointSettings, "url" | "name">;

/** The process was started without the permission that a URL needs, or has given it up. */
export class PermissionMissing extends Data.TaggedError("PermissionMissing")<Target> {
  override get message(): string {
    const host = hostOf(this.url);
    return `${this.name} needs a restart: this process ` +
      (host === undefined
        ? "may not write to it (without a file:// target at its start it gives that up)"
        : `may not connect to ${host}, it was started with a list of hosts that has it not`);
  }
}

/** Fails with the first URL that may not be sent to. */
export const mustBePermitted = (
  targets: Iterable<Target>,
): Effect.Effect<void, PermissionMissing> =>
  Effect.suspend(() => {
    const target = Iterator.from(targets).find(({ url }) => !isPermitted(url));
    return target === undefined
      ? Effect.void
      : new PermissionMissing({ url: target.url, name: target.name });
  });

const isPermitted = (url: string): boolean => {
  const host = hostOf(url);
  if (host !== undefined) return has({ name: "net", host });
  const path = new URL(url);
  return standardStream(path) !== undefined || has({ name: "write", path: fileURLToPath(path) });
};
