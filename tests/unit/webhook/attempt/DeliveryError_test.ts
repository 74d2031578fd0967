import assert from "node:assert/strict";
import { fromSystemError } from "../../../../src/http/TransportError.ts";
import * as DeliveryError from "../../../../src/webhook/attempt/DeliveryError.ts";

const STATUSES: ReadonlyArray<readonly [number, string, boolean]> = [
  [301, "status_3xx", false],
  [400, "status_400", false],
  [404, "status_404", false],
  [408, "status_408", true],
  [410, "status_410", false],
  [418, "status_4xx", false],
  [425, "status_425", true],
  [429, "status_429", true],
  [600, "status_6xx", true], // to be taken for a 5xx (RFC 9110 15)
  [500, "status_500", true],
  [599, "status_5xx", true],
];

for (const [status, reason, retryable] of STATUSES) {
  Deno.test(`DeliveryError of status ${status} is ${reason}, ${retryable ? "" : "not "}retryable`, () => {
    const error = DeliveryError.fromStatus(status, undefined, "transient", 0);
    assert.equal(error.reason, reason);
    assert.equal(error.retryable, retryable);
    assert.equal(error.gone, status === 410);
    assert.equal(
      DeliveryError.fromStatus(status, undefined, "all", 0).retryable,
      status !== 410,
    );
  });
}

Deno.test("DeliveryError reads Retry-After as seconds or an HTTP-date, and nothing else", () => {
  const now = Date.UTC(2026, 0, 1);
  const cases: ReadonlyArray<readonly [string, number | undefined]> = [
    ["0", 0],
    ["120", 120_000],
    [" 7 ", 7_000],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Thursday, 01-Jan-26 00:00:30 GMT", 30_000],
    ["Wed, 31 Dec 2025 00:00:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["2026-01-01", undefined],
    ["", undefined],
  ];
  for (const [value, expected] of cases) {
    assert.equal(DeliveryError.parseRetryAfter(value, now), expected, value);
  }
});

Deno.test("DeliveryError says nothing of a URL, which may hold a password", () => {
  const cause = new TypeError(
    "error sending request for url (http://user:secret@h:1/x): client error (Connect): tcp connect error: Connection refused (os error 111)",
  );
  const error = DeliveryError.fromCause(cause);
  assert.equal(error.reason, "refused");
  assert.ok(!error.detail.includes("secret"), error.detail);
});

for (
  const cause of [
    Object.assign(new Error("Too many open files (os error 24): open '/x'"), { code: "EMFILE" }),
    Object.assign(new Error("no"), { code: "ENOMEM" }),
    new TypeError("fetch failed", {
      cause: new Error("client error (Connect): tcp open error: Too many open files (os error 24)"),
    }),
  ]
) {
  Deno.test(`DeliveryError is local for what this process is short of, whoever tells it: ${cause}`, () => {
    for (
      const error of [
        DeliveryError.fromCause(cause),
        DeliveryError.fromFile(cause),
        DeliveryError.fromTransport(fromSystemError(cause, "connecting")),
      ]
    ) assert.deepEqual([error.reason, error.retryable], ["local", true]);
  });
}

Deno.test("DeliveryError is not local for a full disk, which is the file's matter", () => {
  const full = Object.assign(new Error("No space left on device (os error 28)"), {
    code: "ENOSPC",
  });
  assert.equal(DeliveryError.fromFile(full).reason, "file");
});
