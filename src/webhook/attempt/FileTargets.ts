/**
 * What `file://` URLs name, looked at before anything starts: what can never take lines is a fault of the
 * start, and what may take them later is not. It must never wait for a file system that hangs.
 */
import * as Data from "effect/Data";
import * as Effect from "effect/Effect";
import type { EndpointSettings } from "../../domain/WebHookSettings.ts";
import { standardStream } from "./appendFile.ts";

/** A `file://` URL whose lines nothing could ever take. */
export class FileTargetError extends Data.TaggedError("FileTargetError")<{
  readonly name: string;
  readonly why: string;
}> {
  override get message(): string {
    return `${this.name} cannot be appended to: ${this.why}`;
  }
}

/** How long a look may take; what does not answer is a failing endpoint, as it would be later. */
const PATIENCE = "1 second";

export const check = (
  endpoints: ReadonlyMap<string, EndpointSettings>,
): Effect.Effect<void, FileTargetError> =>
  Effect.forEach(
    endpoints.values().filter(({ url }) => url.startsWith("file:")),
    ({ url, name }) =>
      Effect.promise(() => faultOf(new URL(url))).pipe(
        Effect.timeoutOption(PATIENCE),
        Effect.flatMap((why) =>
          why._tag === "Some" && why.value !== undefined
            ? new FileTargetError({ name, why: why.value })
            : Effect.void
        ),
      ),
    { concurrency: "unbounded", discard: true },
  );

/** Undefined: nothing that is known yet. */
const faultOf = async (path: URL): Promise<string | undefined> => {
  if (standardStream(path) !== undefined) return undefined;
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) return "it is a folder";
    if (info.isSocket) return "it is a socket, which is no file";
    // Looking is not opening: /dev/tty may be looked at.
    if (info.isCharDevice) (await Deno.open(path, { append: true })).close();
    return undefined;
  } catch (error) {
    // Of what may be missing, or forbidden by its mode, the first attempt will tell.
    return error instanceof Deno.errors.NotCapable && error.message.includes("all access")
      ? "Deno lets only a process with --allow-all open it; of what is in /dev, " +
        "/dev/stdout, /dev/stderr and /dev/null can be written to"
      : undefined;
  }
};
