/** Answers to HTTP requests, good ones and what hostile receivers make of them; bytes as Latin-1 text. */
import type { Random } from "./Random.ts";

/** A whole answer with a length that is true, after which the connection goes on. */
export const goodAnswer = (random: Random, status: number): string => {
  const body = "b".repeat(random.below(random.chance(0.02) ? 9000 : 40));
  const interim = random.chance(0.1) ? "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" : "";
  const fields = random.chance(0.2)
    ? `x-${random.below(100)}: ${"v".repeat(random.below(60))}\r\n`
    : "";
  const head = `${interim}HTTP/1.1 ${status} Some Reason\r\n${fields}`;
  if (status === 204 || status === 304) return `${head}\r\n`;
  return random.chance(0.3)
    ? `${head}Transfer-Encoding: chunked\r\n\r\n${chunked(random, body)}`
    : `${head}content-length: ${body.length}\r\n\r\n${body}`;
};

const chunked = (random: Random, body: string): string => {
  let text = "";
  for (let at = 0; at < body.length;) {
    const size = 1 + random.below(body.length - at);
    const extension = random.chance(0.2) ? ";a=b" : "";
    text += `${size.toString(16)}${extension}\r\n${body.slice(at, at += size)}\r\n`;
  }
  return `${text}0\r\n${random.chance(0.2) ? "x-trailer: 1\r\n" : ""}\r\n`;
};

/** What no honest server says; not always malformed, nor always whole. */
export const hostileAnswer = (random: Random): string => {
  let text = goodAnswer(random, 100 + random.below(560));
  for (let spoilings = random.below(4); spoilings >= 0; spoilings--) {
    text = random.pick(SPOILINGS)(random, text);
  }
  return text.slice(0, MOST);
};

/** More than a head may have; of a body, what makes it large is its length. */
const MOST = 80 * 1024;

type Spoiling = (random: Random, text: string) => string;

const insertedAt = (text: string, at: number, what: string): string =>
  text.slice(0, at) + what + text.slice(at);

const inserted = (random: Random, text: string, what: string): string =>
  insertedAt(text, random.below(text.length + 1), what);

/** Behind the end of a line. */
const insertedLine = (random: Random, text: string, line: string): string => {
  const ends = [...text.matchAll(/\n/g)].map(({ index }) => index + 1);
  return insertedAt(text, ends.length === 0 ? 0 : random.pick(ends), line);
};

const randomText = (random: Random, length: number): string =>
  Array.from({ length }, () => String.fromCharCode(random.below(256))).join("");

const LINES = [
  "content-length: 3\r\n",
  "content-length: -1\r\n",
  "content-length: 99999999999999999999\r\n",
  "Content-Length: 3, 4\r\n",
  "content-length: 1048577\r\n",
  "transfer-encoding: chunked\r\n",
  "transfer-encoding: gzip, chunked\r\n",
  "connection: close\r\n",
  "connection: keep-alive, x, ,\r\n",
  "keep-alive: timeout=0\r\n",
  "keep-alive: timeout=999999999\r\n",
  " folded\r\n",
  "\tfolded: too\r\n",
  "no colon\r\n",
  ": no name\r\n",
  "a : space\r\n",
  "a: \0\r\n",
  "a: b\rc\r\n",
  "\r\n",
  "\n",
  "0\r\n\r\n",
  "ffffffffffffffff\r\n",
  "fffff\r\n",
  "-1\r\n",
  "1;" + "e".repeat(5000) + "\r\n",
  "HTTP/1.1 200 OK\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\n\r\n",
  "HTTP/2.0 200 OK\r\n\r\n",
];

const SPOILINGS: ReadonlyArray<Spoiling> = [
  (random, text) => insertedLine(random, text, random.pick(LINES)),
  (random, text) => insertedLine(random, text, random.pick(LINES)),
  (random, text) => inserted(random, text, randomText(random, 1 + random.below(6))),
  (random, text) =>
    inserted(random, text, random.pick(["\r", "\n", "\0", ":", " ", ",", ";", "\xff"])),
  function truncated(random, text) {
    return text.slice(0, random.below(text.length + 1));
  },
  function cutOut(random, text) {
    const from = random.below(text.length + 1);
    return text.slice(0, from) + text.slice(from + 1 + random.below(8));
  },
  function flipped(random, text) {
    const at = random.below(text.length);
    const code = (text.charCodeAt(at) || 0) ^ (1 << random.below(8));
    return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
  },
  function answeredTwice(random, text) {
    return text + (random.chance(0.5) ? text : goodAnswer(random, 200));
  },
  function manyInterim(random, text) {
    return "HTTP/1.1 100 Continue\r\n\r\n".repeat(random.below(40)) + text;
  },
  function longHead(random, text) {
    if (random.chance(0.9)) return text;
    return insertedLine(random, text, `x: ${"y".repeat(1000)}\r\n`.repeat(1 + random.below(70)));
  },
  function longLine(random, text) {
    if (random.chance(0.9)) return text;
    return inserted(random, text, "z".repeat(random.below(70_000)));
  },
  function garbage(random) {
    return randomText(random, random.below(200));
  },
];

/** The bytes of a Latin-1 text. */
export const bytesOfLatin1 = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
};
