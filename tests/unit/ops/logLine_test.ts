/** What a line of the log looks like, and that nothing a client chose can make another one of it. */
import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import * as Logger from "effect/Logger";
import * as LogLevel from "effect/LogLevel";
import { makeLogger } from "../../../src/ops/logger.ts";
import type { LogFact } from "../../../src/ops/logLine.ts";
import { json, logfmt, pretty, prettyOnTerminal } from "../../../src/ops/logLine.ts";

const fact: LogFact = {
  time: new Date("2026-11-28T04:00:01.123Z"),
  level: "warn",
  message: "event lost",
  fields: [["url", "http://a.test/?x=1"], ["count", 3], ["advice", 'say "please"']],
};

Deno.test("pretty, logfmt and json show a fact's time, level, message and fields in order", () => {
  assert.equal(
    pretty(fact),
    '2026-11-28T04:00:01.123Z WARN event lost url="http://a.test/?x=1" count=3 advice="say \\"please\\""',
  );
  assert.equal(
    logfmt(fact),
    'time=2026-11-28T04:00:01.123Z level=warn message="event lost" url="http://a.test/?x=1" count=3 ' +
      'advice="say \\"please\\""',
  );
  assert.equal(
    json(fact),
    '{"time":"2026-11-28T04:00:01.123Z","level":"warn","message":"event lost",' +
      '"url":"http://a.test/?x=1","count":3,"advice":"say \\"please\\""}',
  );
});

Deno.test("prettyOnTerminal shows the time of day, and colours where they are wanted", () => {
  assert.match(prettyOnTerminal(false)(fact), /^\d\d:00:01\.123 WARN event lost url=/);
  assert.match(
    prettyOnTerminal(true)(fact),
    // deno-lint-ignore no-control-regex -- colours are control characters
    /^\x1b\[2m\d\d:00:01\.123\x1b\[0m \x1b\[33mWARN\x1b\[0m event lost url=/,
  );
});

const HOSTILE = [
  "a\n2026-11-28T04:00:01.123Z ERROR forged",
  "a\r\nb",
  "\x1b[2J\x1b[31mred",
  "\x9b2J",
  "\u202egnirts",
  "a\u2028b\u2029c",
  "\0\x07\x7f",
  'x" level=error message="forged',
  "\ud800",
];

Deno.test("pretty, logfmt and json keep a hostile value inside its own quotes, on its own line", () => {
  for (const value of HOSTILE) {
    const { message: _, ...rest } = fact;
    for (const format of [pretty, logfmt, json, prettyOnTerminal(false)]) {
      for (
        const line of [
          format({ ...rest, message: "m", fields: [["clientid", value]] }),
          format({ ...rest, message: value, fields: [] }),
        ]
      ) {
        assert.match(line, /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u, JSON.stringify(line));
      }
    }
    const line = logfmt({ ...fact, message: "m", fields: [["clientid", value]] });
    const [, quoted = ""] = / clientid=("(?:[^"\\]|\\.)*")$/.exec(line) ?? [];
    assert.equal(JSON.parse(quoted), value);
    assert.equal(JSON.parse(json({ ...fact, fields: [["clientid", value]] })).clientid, value);
  }
});

Deno.test("json is not to be fooled by fields named as its own", () => {
  const { time, level, message } = JSON.parse(
    json({ ...fact, fields: [["level", "x"], ["time", 1], ["message", NaN]] }),
  );
  assert.deepEqual([time, level, message], ["2026-11-28T04:00:01.123Z", "warn", "event lost"]);
});

Deno.test("A list is one item a line for people, and one value for machines", () => {
  const listed = {
    ...fact,
    fields: [["file", "a.toml"], ["faults", ["1: x\ny", "2: z"]]],
  } as const;
  assert.equal(
    pretty(listed),
    "2026-11-28T04:00:01.123Z WARN event lost file=a.toml\n    1: x\\u000ay\n    2: z",
  );
  assert.match(logfmt(listed), / faults="1: x\\ny; 2: z"$/);
  assert.deepEqual(JSON.parse(json(listed)).faults, ["1: x\ny", "2: z"]);
});

Deno.test("makeLogger writes records before annotations, and nothing below the level", async () => {
  const lines: Array<string> = [];
  await Effect.runPromise(
    Effect.logDebug("unseen").pipe(
      Effect.zipRight(Effect.logInfo("figures", { url: "u", matched: 2, a: 1 })),
      Effect.zipRight(Effect.logFatal("fiber died", { z: 1 })),
      Effect.annotateLogs({ module: "x" }),
      Effect.provide(Logger.minimumLogLevel(LogLevel.Info)),
      Effect.provide(
        Logger.replace(Logger.defaultLogger, makeLogger(logfmt, (line) => lines.push(line))),
      ),
    ),
  );
  assert.deepEqual(lines.map((line) => line.slice(line.indexOf("level="))), [
    "level=info message=figures url=u matched=2 a=1 module=x",
    'level=error message="fiber died" z=1 module=x',
  ]);
});
