import assert from "node:assert/strict";
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

Deno.test("isAttemptHeader knows the headers of an attempt in any case, and no others", () => {
  const names = ["webhook-id", "Webhook-Timestamp", "WEBHOOK-SEQ", "webhook-signature", "id"];
  assert.deepEqual(names.map(isAttemptHeader), [true, true, true, false, false]);
});
