/**
 * One hook event as one line for a person to read: who, what, and the telling fields. It must never
 * let a client's text reach the terminal raw: identifiers, topics and payloads may hold escape
 * sequences.
 */

/** Longer payloads are cut, in characters. */
const PAYLOAD_LIMIT = 60;

/** Told by their own column, or of no interest to somebody who watches. */
const UNTOLD = new Set([
  "action",
  "node",
  "clientid",
  "from_node",
  "from_clientid",
  "from_ipaddress",
  "pts",
  "ts",
]);

/** The body's line, without the time and without a line end. Whatever the body is, this gives a line. */
export const eventLine = (body: unknown): string => {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return `not an event: ${quoted(JSON.stringify(body) ?? "")}`;
  }
  const fields = new Map(Object.entries(body));
  const recipient = fields.get("clientid");
  const publisher = fields.get("from_clientid");
  const told = [...fields].flatMap(([key, value]) => field(key, value));
  if (recipient !== undefined && publisher !== undefined) told.unshift(`from=${text(publisher)}`);
  return [
    text(fields.get("action")).padEnd(20),
    text(recipient ?? publisher).padEnd(16),
    ...told,
  ].join(" ");
};

/** `key=value`; a flag that is set by its name alone, and one that is not set not at all. */
const field = (key: string, value: unknown): ReadonlyArray<string> => {
  if (UNTOLD.has(key) || key.endsWith("_at") || value === "undefined" || value === false) return [];
  if (value === true) return [text(key)];
  return [`${text(key)}=${key === "payload" ? payload(value) : text(value)}`];
};

/** Base64 shown as the text it holds, when that is printable UTF-8, else by its size. */
const payload = (base64: unknown): string => {
  if (typeof base64 !== "string") return text(base64);
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(base64);
  } catch {
    return text(base64); // no base64: shown as it came
  }
  let decoded: string;
  try {
    decoded = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return `<${bytes.length} bytes>`;
  }
  if (UNPRINTABLE.test(decoded)) return `<${bytes.length} bytes>`;
  const characters = [...decoded];
  return characters.length <= PAYLOAD_LIMIT
    ? quoted(decoded)
    : `${quoted(characters.slice(0, PAYLOAD_LIMIT).join(""))}… (${bytes.length} bytes)`;
};

/** A string as it is when nothing in it could mislead, else quoted; anything else as JSON. */
const text = (value: unknown): string => {
  if (typeof value !== "string") return value === undefined ? "-" : escaped(JSON.stringify(value));
  return value === "" || /[\s"]/.test(value) || UNPRINTABLE.test(value) ? quoted(value) : value;
};

const quoted = (value: string): string => escaped(JSON.stringify(value));

const escaped = (json: string): string =>
  json.replace(
    EVERY_UNPRINTABLE,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );

// Control, format (right-to-left overrides among them), surrogate and unassigned characters.
const UNPRINTABLE = /\p{C}/u;
const EVERY_UNPRINTABLE = /\p{C}/gu;
