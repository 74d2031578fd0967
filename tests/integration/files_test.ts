/** Files and pipes as the file system has them: what is opened how, and what becomes of half a line. */
import assert from "node:assert/strict";
import type { AppendFile } from "../../src/webhook/attempt/appendFile.ts";
import { openFile } from "../../src/webhook/attempt/appendFile.ts";
import { BrokerProcess } from "../support/BrokerProcess.ts";
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
