import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import * as fc from "effect/FastCheck";
import { AttemptHeaders, isAttemptHeader } from "../../../../src/webhook/attempt/attemptHeaders.ts";

const body = { slab: { bytes: new Uint8Array(0) }, offset: 0, length: 0 };
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });

Deno.test("AttemptHeaders says id, time and seq in three lines, and the same as fields", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[\w-]{1,40}$/),
      whole,
      whole,
      whole,
      (prefix, id, seq, second) => {
        const headers = new AttemptHeaders(prefix);
        const buffer = new Uint8Array(headers.room + 3);
        const attempt = { ...body, id, seq };
        const end = headers.write(buffer, 3, attempt, second);
        assert.ok(end <= 3 + headers.room);
        assert.equal(
          new TextDecoder().decode(buffer.subarray(3, end)),
          `webhook-id: ${prefix}${id.toString(36)}\r\n` +
            `webhook-timestamp: ${second}\r\nwebhook-seq: ${seq}\r\n`,
        );
        assert.deepEqual(headers.fields(attempt, second), {
          "webhook-id": prefix + id.toString(36),
          "webhook-timestamp": `${second}`,
          "webhook-seq": `${seq}`,
        });
      },
    ),
  );
});

Deno.test("AttemptHeaders signs id, time and body with each key, in their order", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[\w-]{1,40}$/),
      whole,
      whole,
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.uint8Array({ minLength: 24, maxLength: 64 }), { minLength: 1, maxLength: 3 }),
      (prefix, id, second, bytes, keys) => {
        const headers = new AttemptHeaders(prefix, keys);
        const buffer = new Uint8Array(headers.room + 3);
        const part = { slab: { bytes: Uint8Array.of(1, ...bytes, 2) }, offset: 1 };
        const attempt = { ...part, length: bytes.length, id, seq: 7 };
        const signatures = keys.map((key) =>
          "v1," + createHmac("sha256", key).update(`${prefix}${id.toString(36)}.${second}.`)
            .update(bytes).digest("base64")
        );
        const end = headers.write(buffer, 3, attempt, second);
        assert.ok(end <= 3 + headers.room);
        assert.equal(
          new TextDecoder().decode(buffer.subarray(3, end)).split("\r\n").slice(2).join("\r\n"),
          `webhook-seq: 7\r\nwebhook-signature: ${signatures.join(" ")}\r\n`,
        );
        const fields = headers.fields(attempt, second);
        assert.equal(fields["webhook-signature"], signatures.join(" "));
      },
    ),
  );
});

Deno.test("isAttemptHeader knows the headers of an attempt in any case, and no others", () => {
  const names = ["webhook-id", "Webhook-Timestamp", "WEBHOOK-SEQ", "webhook-signature", "id"];
  assert.deepEqual(names.map(isAttemptHeader), [true, true, true, true, false]);
});
