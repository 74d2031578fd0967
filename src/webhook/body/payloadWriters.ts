/** How a payload is written, by `payload` of the URL. */
import type { PayloadMode } from "../../domain/BodyForm.ts";
import type { BodyWriter } from "./BodyWriter.ts";
import { isJson } from "./isJson.ts";

type WritePayload = (payload: Uint8Array, body: BodyWriter) => void;

const base64: WritePayload = (payload, body) => body.base64(payload);

const text: WritePayload = (payload, body) => {
  if (body.utf8(payload)) return;
  body.base64(payload);
  body.json(ENCODING);
};

const json: WritePayload = (payload, body) =>
  isJson(payload) ? body.oneLine(payload) : text(payload, body);

const ENCODING = new TextEncoder().encode(',"payload_encoding":"base64"');

/** Undefined: the field is left out. What is written behind the field's name may be more fields. */
export const PAYLOAD_WRITERS: Readonly<Record<PayloadMode, WritePayload | undefined>> = {
  base64,
  text,
  json,
  none: undefined,
};
