/** Files and pipes as the file system has them: what is opened how, and what becomes of half a line. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { AppendFile, OpenFile } from "../../src/webhook/attempt/appendFile.ts";
import type { Outcome } from "../../src/webhook/attempt/Attempt.ts";
import type { FileExecutor } from "../../src/webhook/attempt/FileExecutor.ts";
import { makeWith as makeFiles } from "../../src/webhook/attempt/FileExecutor.ts";
import { rule, settingsOf } from "../unit/webhook/harness.ts";
import { openFile } from "../../src/webhook/attempt/appendFile.ts";
import { BrokerProcess, runBroker } from "../support/BrokerProcess.ts";
import { brokerFiles } from "../support/brokerFiles.ts";
import { MqttClient } from "../support/MqttClient.ts";
import { testNeeding } from "../support/permissions.ts";
import { Receiver } from "../support/Receiver.ts";

const NEEDED = ["read", "write", "run"] as const;

const withFolder = async (body: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
};

const run = async (command: string, ...args: ReadonlyArray<string>): Promise<void> => {
  const { success } = await new Deno.Command(command, { args: [...args] }).output();
  assert.ok(success, command);
};

const write = async (file: AppendFile, text: string): Promise<void> => {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) {
    const count = await file.write(bytes.subarray(at));
    // The reader is another process, to which nothing here can listen.
    if (count === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    at += count;
  }
};

/** Opens as a LineFile does, and writes a line. */
const writeLine = async (path: string, torn = false): Promise<void> => {
  const file = await openFile(new URL(`file://${path}`), torn);
  await write(file, new TextDecoder().decode(file.first) + "line\n");
  await file.close();
};

const LONG = `{"action":"message_publish","payload":"${"é".repeat(3000)}`;

for (
  const [what, before, after] of [
    ["begins a file", "", "line\n"],
    ["goes on after a whole line", "one\n", "one\nline\n"],
    ["cuts half a line off", 'one\n{"action":"mess', "one\nline\n"],
    ["cuts the half of a first line off", '{"action":"message_publish","payload":"', "line\n"],
    ["cuts the first bytes of a line off", 'one\n{"a', "one\nline\n"],
    ["cuts half a line off that is longer than a read", `one\n${LONG}`, "one\nline\n"],
    ["completes a line that lacks its end alone", `${LONG}"}`, `${LONG}"}\nline\n`],
    ["ends what is not ours, and leaves it", "one\ntwo", "one\ntwo\nline\n"],
    ["ends bytes that are no text", "one\n\xff\xfe", "one\n\xff\xfe\nline\n"],
  ] as const
) {
  testNeeding(NEEDED, `openFile ${what}`, () =>
    withFolder(async (folder) => {
      const path = `${folder}/events.jsonl`;
      await Deno.writeTextFile(path, before);
      await writeLine(path);
      assert.equal(await Deno.readTextFile(path), after);
    }));
}

testNeeding(
  NEEDED,
  "openFile cuts half a character off with its line",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/events.jsonl`;
      const text = new TextEncoder().encode(`one\n${LONG}`);
      await Deno.writeFile(path, text.subarray(0, -1));
      await writeLine(path);
      assert.equal(await Deno.readTextFile(path), "one\nline\n");
    }),
);

testNeeding(NEEDED, "openFile makes the folders of a file", () =>
  withFolder(async (folder) => {
    await writeLine(`${folder}/a/b/events.jsonl`);
    assert.equal(await Deno.readTextFile(`${folder}/a/b/events.jsonl`), "line\n");
  }));

testNeeding(NEEDED, "openFile refuses a folder", () =>
  withFolder(async (folder) => {
    await assert.rejects(openFile(new URL(`file://${folder}`), false));
  }));

testNeeding(
  NEEDED,
  "openFile refuses pipes that nobody reads, however many, and takes no thread for it",
  () =>
    withFolder(async (folder) => {
      const pipes = Array.from({ length: 64 }, (_, n) => `${folder}/${n}`);
      await run("mkfifo", ...pipes);
      const opened = await Promise.allSettled(
        pipes.map((path) => openFile(new URL(`file://${path}`), false)),
      );
      for (const result of opened) {
        assert.equal(result.status, "rejected");
        assert.match(String(result.reason), /nobody reads from it/);
      }
      await writeLine(`${folder}/file`);
      assert.equal(await Deno.readTextFile(`${folder}/file`), "line\n");
    }),
);

testNeeding(
  NEEDED,
  "openFile writes to a pipe's reader, and does not wait for one that is slow",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/pipe`;
      await run("mkfifo", path);
      // Says that it has opened the pipe, and reads once it is told to.
      const reader = new Deno.Command("sh", {
        args: ["-c", 'exec 3<"$1"; echo opened; read go; cat <&3', "sh", path],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const output = reader.stdout.getReader();
      const opening = (async () => {
        for (;;) {
          try {
            return await openFile(new URL(`file://${path}`), false);
          } catch { /* not there yet */ }
        }
      })();
      await output.read();
      const file = await opening;
      let full = 0;
      const piece = new TextEncoder().encode("x".repeat(4096));
      while (await file.write(piece) > 0) full += piece.length;
      const stdin = reader.stdin.getWriter();
      await stdin.write(new TextEncoder().encode("go\n"));
      await stdin.close();
      const reading = (async () => {
        let bytes = 0;
        for (let part = await output.read(); !part.done; part = await output.read()) {
          bytes += part.value.length;
        }
        return bytes;
      })();
      await write(file, "y".repeat(300_000));
      await file.close();
      assert.equal(await reading, full + 300_000);
      await reader.status;
    }),
);

testNeeding(
  ["net", "run", "read", "write"],
  "a pipe that nobody reads costs no other URL anything, and a stop ends beside it",
  () =>
    withFolder(async (folder) => {
      const pipes = Array.from({ length: 40 }, (_, n) => `${folder}/${n}`);
      await run("mkfifo", ...pipes);
      const receiver = Receiver.start();
      const broker = await BrokerProcess.start(brokerFiles({
        urls: [
          ...pipes.map((path) => `file://${path}`),
          receiver.url("/"),
          `file://${folder}/file`,
        ],
        rules: "rule.message_publish = [{}]",
        webHook: 'shutdown_timeout = "500ms"\n',
      }));
      const client = await MqttClient.connect({ port: broker.port() });
      for (let n = 0; n < 100; n++) await client.publish("t", `${n}`, { qos: 1 });
      await receiver.waitFor({ action: "message_publish" }, { count: 100 });
      await client.end();
      const { code, stdout, stderr } = await broker.stop();
      assert.equal(code, 0);
      assert.match(stdout + stderr, /nobody reads from it/);
      const lines = (await Deno.readTextFile(`${folder}/file`)).trimEnd().split("\n");
      assert.equal(lines.length, 100);
      await receiver.close();
    }),
);

testNeeding(
  ["net", "run", "read", "write"],
  "file:///dev/stdout and stderr take whole lines beside the log's",
  async () => {
    const urls = ["file:///dev/stdout", "file:///dev/stderr", "file:///dev/null"];
    const broker = await BrokerProcess.start(
      brokerFiles({ urls, rules: "rule.message_publish = [{}]" }),
    );
    const client = await MqttClient.connect({ port: broker.port() });
    for (let n = 0; n < 200; n++) await client.publish("t", "x".repeat(5000), { qos: 1 });
    await client.end();
    const { code, stdout, stderr } = await broker.stop();
    assert.equal(code, 0);
    const bodies = (text: string) =>
      text.split("\n").filter((line) => line.includes('"action"')).map((line) => JSON.parse(line));
    assert.equal(bodies(stdout).length, 200);
    assert.equal(bodies(stderr).length, 200);
    const figures = stdout.split("\n").find((line) => line.includes("url=file:///dev/null"));
    assert.match(figures ?? "", /delivered=200/);
  },
);

testNeeding(
  ["net", "run", "read", "write"],
  "a file:// URL that can never take a line is told at start and by --check, and why",
  () =>
    withFolder(async (folder) => {
      const socket = Deno.listen({ transport: "unix", path: `${folder}/socket` });
      const { broker, webHook } = brokerFiles({ urls: [] });
      await Deno.writeTextFile(`${folder}/broker.toml`, broker);
      const hook = `${folder}/web-hook.toml`;
      const args = ["--config", `${folder}/broker.toml`, "--web-hook", hook];
      for (
        const [path, why] of [
          [folder, /it is a folder/],
          [`${folder}/socket`, /it is a socket/],
          ["/dev/shm/hookline-test.jsonl", /--allow-all/],
          ["/dev/tty", /--allow-all/],
          ["/proc/self/fd/7", /--allow-all/],
        ] as const
      ) {
        await Deno.writeTextFile(hook, webHook.replace("[]", `["file://${path}"]`));
        for (const command of [args, [...args, "--check"]]) {
          const { code, stderr, stdout } = await runBroker(...command);
          assert.equal(code, 78, stdout + stderr);
          assert.match(stderr, why);
          assert.ok(stderr.startsWith(`file://${path} cannot be appended to: `), stderr);
          assert.doesNotMatch(stdout, /listening/);
        }
      }
      socket.close();
    }),
);

/** A file on a disk that takes so many bytes and no more until there is room. */
const onFullDisk = (room: { bytes: number }): OpenFile => async (path, torn) => {
  const file = await openFile(path, torn);
  return {
    first: file.first,
    close: () => file.close(),
    async write(bytes) {
      if (room.bytes === 0) throw new Error("No space left on device (os error 28)");
      const count = await file.write(bytes.subarray(0, room.bytes));
      room.bytes -= count;
      return count;
    },
  };
};

/** Appends lines to one file, one after the other; each resolves with how it ended. */
const appender = (files: FileExecutor, path: string) => {
  const url = `file://${path}`;
  const { endpoints } = settingsOf({ rules: [rule("message_publish", { urls: [url] })] });
  let ended = (_: string): void => {};
  const endpoint = {
    key: 1,
    settings: endpoints.get(url)!, // its rule names it
    complete: (_: unknown, { _tag }: Outcome) => ended(_tag),
  };
  files.configure(endpoint);
  return (line: string): Promise<string> =>
    new Promise((resolve) => {
      ended = resolve;
      const bytes = new TextEncoder().encode(line);
      const body = { slab: { bytes, live: 0 }, offset: 0, length: bytes.length };
      files.attempt(endpoint, { id: 1, seq: 1, lane: undefined, retry: undefined, ...body });
    });
};

testNeeding(
  NEEDED,
  "a line that a full disk cuts short, after whichever byte, leaves no half line before the next",
  () =>
    withFolder(async (folder) => {
      const line = '{"action":"message_publish","payload":"é"}';
      const length = new TextEncoder().encode(line).length;
      for (let at = 0; at <= length; at++) {
        for (const isNextProcess of [false, true]) {
          const path = `${folder}/${at}-${isNextProcess}`;
          await Deno.writeTextFile(path, `${line}\n`);
          const room = { bytes: at };
          const process = () => makeFiles(onFullDisk(room));
          await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
            const files = yield* process();
            const append = appender(files, path);
            const end = yield* Effect.promise(() => append(line));
            assert.equal(end, "Failed", `after ${at} bytes`);
            room.bytes = Infinity;
            const next = isNextProcess ? appender(yield* process(), path) : append;
            assert.equal(yield* Effect.promise(() => next(line)), "Delivered");
          })));
          const lines = (await Deno.readTextFile(path)).split("\n");
          assert.equal(lines.pop(), "");
          // All but the line's end was written: the line is completed, and comes again.
          assert.deepEqual(lines, Array.from({ length: at === length ? 3 : 2 }, () => line));
        }
      }
    }),
);

testNeeding(
  NEEDED,
  "a line that a full tmpfs cuts short is cut off before the next one",
  () =>
    withFolder(async (folder) => {
      const mount = await new Deno.Command("mount", {
        args: ["-t", "tmpfs", "-o", "size=16k", "tmpfs", folder],
        stderr: "null",
      }).output();
      if (!mount.success) return console.log("left out: no tmpfs can be mounted here");
      try {
        const path = `${folder}/events.jsonl`;
        await Deno.writeFile(`${folder}/ballast`, new Uint8Array(8192));
        const line = `{"action":"message_publish","payload":"${"x".repeat(5000)}"}`;
        await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
          const files = yield* makeFiles(openFile);
          const one = appender(files, path);
          const append = Effect.promise(() => one(line));
          assert.equal(yield* append, "Delivered");
          assert.equal(yield* append, "Failed");
          const { size } = yield* Effect.promise(() => Deno.stat(path));
          assert.ok(size > line.length + 1, "a part was written");
          yield* Effect.promise(() => Deno.remove(`${folder}/ballast`));
          assert.equal(yield* append, "Delivered");
        })));
        assert.equal(await Deno.readTextFile(path), `${line}\n${line}\n`);
      } finally {
        await run("umount", folder);
      }
    }),
);
