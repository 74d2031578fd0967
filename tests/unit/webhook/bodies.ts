/** Bodies that are any text, for what does not look into them. */
import { bytesOf } from "../../../src/webhook/body/BodySlab.ts";
import type { RequestBody } from "../../../src/http/RequestWriter.ts";
import type { BodyWriter } from "../../../src/webhook/body/BodyWriter.ts";

export const writeText = (text: string, body: BodyWriter): void =>
  body.json(new TextEncoder().encode(text));

export const textOf = (body: RequestBody): string => new TextDecoder().decode(bytesOf(body));
