import * as assert from "node:assert/strict";
import * as FastCheck from "effect/FastCheck";
import { ResponseReader } from "../../../src/http/ResponseReader.ts";

const limits = { maxHeadBytes: 512, maxBodyBytes: 64 };

/** What a reader made of a stream: the whole of what it can tell. */
type Reading =
  | { readonly end: "done" | "cut"; readonly status: number } & {
    readonly keepAlive: number | true | false;
    readonly rest: number;
    readonly fields: string;
  }
  /** `status`: 0 where none was read before. */
  | { readonly end: "malformed"; readonly fault: string } & SoFar
  /** As far as it had come. */
  | { readonly end: "open" } & SoFar;

interface SoFar {
  readonly status: number;
  readonly fields: string;
}

/** Feeds the pieces one after another, then the end of the stream if `closed`. */
const read = (
  pieces: ReadonlyArray<Uint8Array>,
  closed: boolean,
  maxBodyBytes = limits.maxBodyBytes,
): Reading => {
  const reader = new ResponseReader({ ...limits, maxBodyBytes });
  reader.begin();
  const shared = new Uint8Array(8192); // overwritten by each read, as a connection does
  let later = 0;
  let outcome: "more" | "done" | "cut" | "malformed" = "more";
  for (const piece of pieces) {
    if (outcome !== "more") {
      later += piece.length;
      continue;
    }
    shared.fill(0x21);
    shared.set(piece);
    outcome = reader.read(shared.subarray(0, piece.length));
  }
  shared.fill(0x21);
  if (outcome === "more" && closed) outcome = reader.end();
  const fields = () => reader.head.fields.map(([name, value]) => `${name}=${value}`).join("|");
  if (outcome === "more" || outcome === "malformed") {
    if (outcome === "more") reader.breakOff();
    const partial = {
      status: reader.isAnswered ? reader.status : 0,
      fields: reader.isAnswered ? fields() : "",
    };
    return outcome === "more"
      ? { end: "open", ...partial }
      : { end: "malformed", fault: reader.fault.detail, ...partial };
  }
  const { after } = reader;
  return {
    end: outcome,
    status: reader.status,
    keepAlive: after._tag === "Close" ? false : after.timeout ?? true,
    rest: outcome === "cut" ? 0 : reader.rest + later,
    fields: fields(),
  };
};

/** The same, and asserts that it does not matter how the bytes come. */
const readAnyhow = (bytes: Uint8Array, closed: boolean, maxBodyBytes?: number): Reading => {
  const whole = read([bytes], closed, maxBodyBytes);
  for (let at = 0; at <= bytes.length; at++) {
    const split = read([bytes.subarray(0, at), bytes.subarray(at)], closed, maxBodyBytes);
    assert.deepEqual(split, whole, `cut at ${at}`);
  }
  const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
  assert.deepEqual(read(single, closed, maxBodyBytes), whole, "byte by byte");
  return whole;
};

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

interface Case {
  readonly says: string;
  readonly stream: string;
  readonly closed?: boolean;
  /** How many bytes the body has: those of the limit that is just enough for it. */
  readonly bodyBytes?: number;
  readonly reads: Readonly<Record<string, unknown>> & { readonly end: Reading["end"] };
}

const OK = "HTTP/1.1 200 OK\r\n";
const CHUNKED = `${OK}transfer-encoding: chunked\r\n\r\n`;

const CASES: ReadonlyArray<Case> = [
  {
    says: "a body of content-length",
    stream: `${OK}Content-Length: 2\r\nX-A:  b c \t\r\n\r\nok`,
    bodyBytes: 2,
    reads: {
      end: "done",
      status: 200,
      keepAlive: true,
      rest: 0,
      fields: "content-length=2|x-a=b c",
    },
  },
  {
    says: "bytes after the response as its rest",
    stream: `${OK}content-length: 2\r\n\r\nokHTTP`,
    bodyBytes: 2,
    reads: { end: "done", rest: 4 },
  },
  {
    says: "an empty body",
    stream: `${OK}content-length: 0\r\n\r\n`,
    bodyBytes: 0,
    reads: { end: "done", keepAlive: true },
  },
  {
    says: "a status line without a reason",
    stream: "HTTP/1.1 202 \r\ncontent-length: 0\r\n\r\n",
    reads: { end: "done", status: 202 },
  },
  {
    says: "a status line that ends after the status",
    stream: "HTTP/1.1 202\r\ncontent-length: 0\r\n\r\n",
    reads: { end: "done", status: 202 },
  },
  {
    says: "lines of a head that end in LF alone (RFC 9112 2.2)",
    stream: "HTTP/1.1 200 OK\ncontent-length: 2\nx: y\n\nok",
    bodyBytes: 2,
    reads: { end: "done", fields: "content-length=2|x=y" },
  },
  {
    says: "over interim responses",
    stream:
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\ncontent-length: 9\r\n\r\n${OK}content-length: 2\r\n\r\nok`,
    bodyBytes: 2,
    reads: { end: "done", status: 200, fields: "content-length=2" },
  },
  {
    says: "over five interim responses",
    stream: "HTTP/1.1 102 Processing\r\n\r\n".repeat(5) + `${OK}content-length: 0\r\n\r\n`,
    reads: { end: "done", status: 200 },
  },
  {
    says: "a sixth interim response as malformed, before the next one",
    stream: "HTTP/1.1 100 Continue\r\n\r\n".repeat(6),
    reads: { end: "malformed", fault: "more than 5 interim responses (1xx)", status: 0 },
  },
  {
    says: "101 as an answer, and malformed",
    stream: "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
    reads: { end: "malformed", fault: "the server switches protocols unasked (101)", status: 101 },
  },
  {
    says: "equal content-lengths as one",
    stream: `${OK}content-length: 2\r\ncontent-length: 2, 2\r\n\r\nok`,
    bodyBytes: 2,
    reads: { end: "done" },
  },
  {
    says: "differing content-lengths as malformed",
    stream: `${OK}content-length: 2\r\ncontent-length: 3\r\n\r\nok`,
    reads: { end: "malformed", fault: "content-length is given twice and differs" },
  },
  ...["-1", "+1", "1.0", "0x1", "", "1 1", "1,", "9999999999999999"].map((value): Case => ({
    says: `content-length '${value}' as malformed`,
    stream: `${OK}content-length: ${value}\r\n\r\n`,
    reads: { end: "malformed", fault: "content-length is no number" },
  })),
  {
    says: "chunks, with extensions, and drops trailers",
    stream: `${CHUNKED}2\r\nok\r\n0A ; a="b"\r\n0123456789\r\n00\r\nx-trailer: 1\r\ny: 2\r\n\r\n`,
    bodyBytes: 12,
    reads: {
      end: "done",
      keepAlive: true,
      fields: "transfer-encoding=chunked",
    },
  },
  {
    says: "Chunked in any case, and bytes after it as rest",
    stream: `${OK}Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n!`,
    bodyBytes: 0,
    reads: { end: "done", rest: 1 },
  },
  {
    says: "chunks beside a content-length as malformed",
    stream: `${OK}content-length: 99\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`,
    reads: {
      end: "malformed",
      fault: "a content-length beside a transfer-encoding",
      status: 200,
      fields: "content-length=99|transfer-encoding=chunked",
    },
  },
  ...["gzip, chunked", "gzip", "chunked, chunked", "identity", ""].map((value): Case => ({
    says: `transfer-encoding '${value}' as malformed`,
    stream: `${OK}transfer-encoding: ${value}\r\n\r\n`,
    reads: { end: "malformed", fault: "the transfer-encoding is not chunked" },
  })),
  {
    says: "chunks in HTTP/1.0 as malformed",
    stream: "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    reads: { end: "malformed", fault: "HTTP/1.0 with a transfer-encoding" },
  },
  ...([
    ["\r\n", "a chunk has no size"],
    ["g\r\n", "a chunk has no size"],
    ["-2\r\n", "a chunk has no size"],
    ["2 2\r\n", "a chunk's size is malformed"],
    ["2\n", "a chunk line does not end in CRLF"],
    ["2\r\nok!\r\n", "a chunk is longer than its size"],
    ["2;\x01\r\n", "a chunk's extension has control characters"],
    ["fffffffffffffffff\r\n", "a chunk's size is too large"],
    [`2;${"x".repeat(5000)}`, "a chunk's size line is too long"],
    ["0\r\nno colon\r\n", "a trailer line is malformed"],
    [`0\r\nx: ${"y".repeat(600)}\r\n`, "the trailers are too long"],
  ] as const).map(([chunk, fault]): Case => ({
    says: `chunk ${JSON.stringify(chunk.slice(0, 12))} as malformed`,
    stream: CHUNKED + chunk,
    reads: { end: "malformed", fault },
  })),
  ...[204, 304].map((status): Case => ({
    says: `${status} as having no body, whatever its head says`,
    stream: `HTTP/1.1 ${status} X\r\ncontent-length: 5\r\n\r\n`,
    bodyBytes: 0,
    reads: { end: "done", status, keepAlive: true },
  })),
  {
    says: "a body without a length up to the close",
    stream: `${OK}\r\nall of it`,
    closed: true,
    bodyBytes: 9,
    reads: { end: "done", keepAlive: false },
  },
  {
    says: "on while a body without a length is open",
    stream: `${OK}\r\nall`,
    reads: { end: "open" },
  },
  {
    says: "on when the stream ends inside a body",
    stream: `${OK}content-length: 3\r\n\r\nok`,
    closed: true,
    reads: { end: "open" },
  },
  {
    says: "on when the stream ends inside a head",
    stream: OK,
    closed: true,
    reads: { end: "open" },
  },
  {
    says: "on when the stream ends inside chunks",
    stream: `${CHUNKED}2\r\nok\r\n`,
    closed: true,
    reads: { end: "open" },
  },
  {
    says: "connection: close",
    stream: `${OK}connection: x, Close\r\ncontent-length: 0\r\n\r\n`,
    reads: { end: "done", keepAlive: false },
  },
  {
    says: "HTTP/1.0 as the connection's end",
    stream: "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    reads: { end: "done", keepAlive: false },
  },
  {
    says: "HTTP/1.0 with keep-alive",
    stream: "HTTP/1.0 200 OK\r\nconnection: Keep-Alive\r\ncontent-length: 0\r\n\r\n",
    reads: { end: "done", keepAlive: true },
  },
  {
    says: "how long a connection is kept",
    stream: `${OK}keep-alive: max=3, timeout=5\r\ncontent-length: 0\r\n\r\n`,
    reads: { end: "done", keepAlive: 5000 },
  },
  {
    says: "a connection kept for 0 s as closed",
    stream: `${OK}keep-alive: timeout=0\r\ncontent-length: 0\r\n\r\n`,
    reads: { end: "done", keepAlive: false },
  },
  // Without a status
  ...([
    ["SSH-2.0-OpenSSH", "the answer does not begin with HTTP/"],
    ["\x15\x03\x01", "the answer does not begin with HTTP/"],
    ["http/1.1 200 OK\r\n", "the answer does not begin with HTTP/"],
    ["\r\r\nHTTP/1.1 200 OK\r\n", "the answer does not begin with HTTP/"],
    ["HTTP/1.x 200 OK\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1200 OK\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1 20\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1 2000\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1 OK 200\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1 -200 OK\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1 200\x01 OK\r\n", "the status line has no three-digit status"],
    ["HTTP/1.1 099 X\r\n", "the status line has no three-digit status"],
    [`HTTP/1.1 200 ${"O".repeat(600)}\r\n`, "the head is over 512 bytes"],
    ["HTTP/1.1 100 C\r\nno colon\r\n", "a header line has no valid name"],
    ["HTTP/1.1  100 C\r\n", "the status line has odd spaces or control characters"],
  ] as const).map(([stream, fault]): Case => ({
    says: `${JSON.stringify(stream.slice(0, 28))} as malformed, and no answer`,
    stream,
    reads: { end: "malformed", fault, status: 0, fields: "" },
  })),
  // Behind a status, with the fields before the fault
  ...([
    ["HTTP/2.0 200 OK\r\na: 1\r\n", "the status line has another version than HTTP/1.x", ""],
    ["HTTP/2 200 OK\r\n", "the status line has another version than HTTP/1.x", ""],
    ["HTTP/0.9 200\r\n", "the status line has another version than HTTP/1.x", ""],
    ["HTTP/1.1  200 OK\r\n", "the status line has odd spaces or control characters", ""],
    ["HTTP/1.1\t200\tOK\r\n", "the status line has odd spaces or control characters", ""],
    ["HTTP/1.1 200 O\rK\r\n", "the status line has odd spaces or control characters", ""],
    ["\r\n\n" + OK, "empty lines before the status", ""],
    ["HTTP/1.1 100 C\r\n\r\n\r\n" + OK, "empty lines before the status", ""],
    [`${OK} folded: 1\r\n`, "a header line is folded", ""],
    [`${OK}a: 1\r\nb: 2\r\n\tb\r\n`, "a header line is folded", "a=1"],
    [`${OK}a: 1\r\n 2\r\n`, "a header line is folded", ""],
    [`${OK}a: 1\nb: 2\n c\n`, "a header line is folded", "a=1"],
    [`HTTP/1.1 103 E\r\nx: y\r\n\r\n${OK} z\r\n`, "a header line is folded", ""],
    [`${OK}z: 1\r\na : 1\r\n`, "a header line has no valid name", "z=1"],
    [`${OK}: 1\r\n`, "a header line has no valid name", ""],
    [`${OK}z: 1\r\nno colon\r\n`, "a header line has no valid name", "z=1"],
    [`${OK}z: 1\r\na: \x00\r\n`, "a header value has control characters", "z=1"],
    [`${OK}a: b\rc\r\n`, "a header value has control characters", ""],
    [`${OK}z: 1\r\na: ${"b".repeat(600)}`, "the head is over 512 bytes", "z=1"],
    [
      `${OK}${"a: b\r\n".repeat(100)}`,
      "the head is over 512 bytes",
      Array.from({ length: 82 }, () => "a=b").join("|"),
    ],
  ] as const).map(([stream, fault, fields]): Case => ({
    says: `${JSON.stringify(stream.slice(0, 50))} as malformed behind its status`,
    stream,
    reads: { end: "malformed", fault, status: 200, fields },
  })),
  {
    says: "600 as a status, and malformed (RFC 9110 15)",
    stream: "HTTP/1.1 600 X\r\n",
    reads: { end: "malformed", fault: "the status 600 is outside 100 to 599", status: 600 },
  },
  // Broken off
  ...([
    ["HTTP/1.1 200 OK", 0, ""],
    [OK, 200, ""],
    [`${OK}a: 1\r\nb: 2`, 200, "a=1"],
    [`${OK}a: 1\r\nb: 2\r\n`, 200, "a=1|b=2"],
    [`${OK}a: 1\r\nb: 2\r\n 3`, 200, "a=1"],
    [`HTTP/1.1 100 C\r\na: 1\r\n`, 0, ""],
    [`HTTP/1.1 100 C\r\na: 1\r\n\r\n`, 0, ""],
    [`HTTP/1.1 100 C\r\na: 1\r\n\r\n${OK}b: 2\r\nc`, 200, "b=2"],
    [`HTTP/1.1 101 S\r\na: 1\r\nb`, 101, "a=1"],
    [`${CHUNKED}2\r\no`, 200, "transfer-encoding=chunked"],
    [`${OK}content-length: 3\r\n\r\nok`, 200, "content-length=3"],
  ] as const).map(([stream, status, fields]): Case => ({
    says: `${JSON.stringify(stream.slice(0, 60))} as far as it comes`,
    stream,
    reads: { end: "open", status, fields },
  })),
  {
    says: "a content-length over the limit as cut, its status counting",
    stream: `${OK}content-length: 65\r\n\r\n`,
    reads: { end: "cut", status: 200 },
  },
  {
    says: "a body of exactly the limit",
    stream: `${OK}content-length: 64\r\n\r\n${"x".repeat(64)}`,
    bodyBytes: 64,
    reads: { end: "done" },
  },
  {
    says: "chunks over the limit as cut",
    stream: `${CHUNKED}2\r\nok\r\n3f\r\n`,
    reads: { end: "cut", status: 200 },
  },
  {
    says: "a body without a length over the limit as cut",
    stream: `${OK}\r\n${"x".repeat(65)}`,
    reads: { end: "cut", status: 200 },
  },
  {
    says: "Latin-1 in header values",
    stream: `${OK}x: caf\xe9\r\ncontent-length: 0\r\n\r\n`,
    reads: { end: "done", fields: "x=café|content-length=0" },
  },
];

for (const { says, stream, closed = false, bodyBytes, reads } of CASES) {
  Deno.test(`ResponseReader reads ${says}, however the bytes come`, () => {
    const bytes = latin1(stream);
    const whole = readAnyhow(bytes, closed);
    for (const [key, value] of Object.entries(reads)) {
      assert.deepEqual(new Map(Object.entries(whole)).get(key), value, key);
    }
    if (bodyBytes === undefined) return;
    assert.deepEqual(readAnyhow(bytes, closed, bodyBytes), whole);
    if (bodyBytes > 0) assert.equal(readAnyhow(bytes, closed, bodyBytes - 1).end, "cut");
  });
}

Deno.test("ResponseReader answers the same for any bytes in any pieces", () => {
  // Pieces of real responses in random order reach further into the states than random bytes do.
  const fragment = FastCheck.oneof(
    FastCheck.constantFrom(
      ...[
        OK,
        "\r\n",
        "\n",
        "content-length: 2\r\n",
        "transfer-encoding: chunked\r\n",
        "ok",
        "2\r\n",
      ],
      ...[
        "0\r\n",
        "connection: close\r\n",
        "HTTP/1.1 100 C\r\n\r\n",
        ";x",
        " ",
        "\r",
        ":",
        "a: b\r\n",
      ],
    ),
    FastCheck.string({ unit: "binary-ascii", maxLength: 4 }),
  );
  FastCheck.assert(
    FastCheck.property(
      FastCheck.array(fragment, { maxLength: 12 }).map((parts) => latin1(parts.join(""))),
      FastCheck.array(FastCheck.nat(60), { maxLength: 10 }),
      FastCheck.boolean(),
      FastCheck.constantFrom(0, 1, 2, 3, 64),
      (bytes, lengths, closed, maxBodyBytes) => {
        const pieces: Array<Uint8Array> = [];
        let at = 0;
        for (const length of lengths) pieces.push(bytes.subarray(at, at += length));
        pieces.push(bytes.subarray(at));
        assert.deepEqual(read(pieces, closed, maxBodyBytes), read([bytes], closed, maxBodyBytes));
      },
    ),
    { numRuns: 2000 },
  );
});

Deno.test("ResponseReader reads one response after another", () => {
  const reader = new ResponseReader();
  for (const [status, body] of [[200, "one"], [503, "three"], [200, ""]] as const) {
    reader.begin();
    assert.equal(reader.started, false);
    const head = `HTTP/1.1 ${status} X\r\ncontent-length: ${body.length}\r\n\r\n`;
    assert.equal(reader.read(latin1(`${head}${body}`)), "done");
    assert.deepEqual([reader.status, reader.rest], [status, 0]);
  }
});

Deno.test("ResponseReader reads a response alike whatever it has read before", () => {
  const responses = [
    `${OK}content-length: 2\r\n\r\nok`,
    `${OK}content-length: 2\r\n\r\nno`,
    `${OK}content-length: 2\r\n\r\nok!`,
    `${OK}content-length: 3\r\n\r\nok!`,
    `${OK}content-length: 2\r\n\r\no`,
    `${OK}content-length: 0\r\nconnection: close\r\n\r\n`,
    `${OK}content-length: 0\r\nkeep-alive: timeout=5\r\n\r\n`,
    "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n",
    "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
    `${CHUNKED}0\r\n\r\n`,
    "HTTP/1.1 2000 OK\r\n\r\n",
  ].map(latin1);
  const input = new Uint8Array(256);
  const readBy = (reader: ResponseReader, response: Uint8Array) => {
    reader.begin();
    input.set(response);
    const progress = reader.read(input.subarray(0, response.length));
    if (progress !== "done") return { progress, fault: reader.fault, status: reader.status };
    const { status, head, after, rest } = reader;
    return { progress, status, fields: head.fields, after, rest };
  };
  const steps = FastCheck.array(FastCheck.constantFrom(...responses), {
    minLength: 2,
    maxLength: 8,
  });
  FastCheck.assert(
    FastCheck.property(steps, (steps) => {
      const one = new ResponseReader(limits);
      for (const response of steps) {
        assert.deepEqual(readBy(one, response), readBy(new ResponseReader(limits), response));
      }
    }),
    { numRuns: 1000 },
  );
});
