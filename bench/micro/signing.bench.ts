/** The signature of one attempt: ours beside the platform's, by the size of the body. */
import { createHmac } from "node:crypto";
import { HmacSha256 } from "../../src/webhook/attempt/HmacSha256.ts";

const KEY = crypto.getRandomValues(new Uint8Array(32));
const HMAC = new HmacSha256(KEY);
const SUBTLE_KEY = await crypto.subtle.importKey(
  "raw",
  KEY,
  { name: "HMAC", hash: "SHA-256" },
  false,
  ["sign"],
);

for (const length of [260, 1000, 4000]) {
  const bytes = crypto.getRandomValues(new Uint8Array(length));
  const group = `${length} bytes`;
  Deno.bench("HmacSha256", { group, baseline: true }, () => {
    HMAC.code([{ bytes, from: 0, to: length }]).toBase64();
  });
  Deno.bench("node:crypto", { group }, () => {
    createHmac("sha256", KEY).update(bytes).digest("base64");
  });
  Deno.bench("WebCrypto", { group }, async () => {
    new Uint8Array(await crypto.subtle.sign("HMAC", SUBTLE_KEY, bytes)).toBase64();
  });
}
