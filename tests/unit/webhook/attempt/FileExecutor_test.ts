/** What a file's executor writes, over files that are none; and which files it makes, over real ones. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import type { Outcome } from "../../../../src/webhook/attempt/Attempt.ts";
import type { Attempting } from "../../../../src/webhook/attempt/Executor.ts";
import * as FileExecutor from "../../../../src/webhook/attempt/FileExecutor.ts";
import { testNeeding } from "../../../support/permissions.ts";
import { rule, settingsOf } from "../harness.ts";

/** One that tells the outcome of its attempts. */
const endpointOf = (
  key: number,
  ended: (outcome: Outcome) => void,
  url = "file:///events.jsonl",
): Attempting => ({
  key,
  settings: settingsOf({ rules: [rule("message_publish", { urls: [url] })] }).endpoints.get(
    url,
  )!, // its rule names it
  complete: (_, outcome) => ended(outcome),
});

const delivery = (body: string): Delivery => {
  const bytes = new TextEncoder().encode(body);
  return {
    id: 1,
    event: 0,
    seq: 1,
    lane: undefined,
    slab: { bytes, live: bytes.length },
    offset: 0,
    length: bytes.length,
    retry: undefined,
    dueAt: 0,
    schedule: undefined,
  };
};

/** All files are one, of which a write takes as many bytes as `room` says: 0, and the disk is full. */
const withDisk = async (
  room: Array<number>,
  test: (text: () => string) => Promise<void>,
): Promise<void> => {
  let text = "";
  const { open, mkdir } = Deno;
  Deno.mkdir = () => Promise.resolve();
  Deno.open = () =>
    Promise.resolve({
      write: (bytes: Uint8Array) => {
        const taken = bytes.subarray(0, room.shift());
        if (taken.length === 0) return Promise.reject(new Error("no space left on device"));
        text += new TextDecoder().decode(taken);
        return Promise.resolve(taken.length);
      },
      close: () => {},
    } as Deno.FsFile); // all that is used of it
  try {
    await test(() => text);
  } finally {
    Object.assign(Deno, { open, mkdir });
  }
};

Deno.test("FileExecutor ends the half line of a file that it has forgotten before it writes to it again", () =>
  withDisk([3, 0], (text) =>
    Effect.gen(function* () {
      const files = yield* FileExecutor.make;
      const attempt = (key: number) =>
        Effect.async<readonly [Attempting, Outcome]>((resume) => {
          const endpoint = endpointOf(
            key,
            (outcome) => resume(Effect.succeed([endpoint, outcome])),
          );
          files.configure(endpoint);
          files.attempt(endpoint, delivery(`{"n":${key}}`));
        });
      const [first, outcome] = yield* attempt(1);
      assert.equal(outcome._tag, "Failed");
      files.forget(first);
      yield* attempt(2);
      assert.equal(text(), '{"n\n{"n":2}\n');
    }).pipe(Effect.scoped, Effect.runPromise)));

testNeeding(
  ["read", "write"],
  "FileExecutor makes files and folders for its own user alone, and leaves the modes of others",
  async () => {
    const root = await Deno.makeTempDir({ prefix: "hookline-test-" });
    await Deno.mkdir(`${root}/theirs`);
    await Deno.chmod(`${root}/theirs`, 0o755);
    await Deno.writeTextFile(`${root}/theirs/old`, "");
    await Deno.chmod(`${root}/theirs/old`, 0o644);
    const modeOf = async (path: string) => ((await Deno.stat(root + path)).mode ?? 0) & 0o777;
    await Effect.gen(function* () {
      const files = yield* FileExecutor.make;
      for (const [key, path] of ["/a/b/new", "/theirs/new", "/theirs/old"].entries()) {
        const outcome = yield* Effect.async<Outcome>((resume) => {
          const ended = (outcome: Outcome) => resume(Effect.succeed(outcome));
          const endpoint = endpointOf(key, ended, `file://${root}${path}`);
          files.configure(endpoint);
          files.attempt(endpoint, delivery("{}"));
        });
        assert.equal(outcome._tag, "Delivered");
      }
    }).pipe(Effect.scoped, Effect.runPromise);
    const modes = { "/a": 0o700, "/a/b": 0o700, "/a/b/new": 0o600, "/theirs/new": 0o600 };
    for (const [path, mode] of Object.entries(modes)) assert.equal(await modeOf(path), mode, path);
    assert.equal(await modeOf("/theirs"), 0o755);
    assert.equal(await modeOf("/theirs/old"), 0o644);
    await Deno.remove(root, { recursive: true });
  },
);
