/** A receiver's own certificate, signed by itself and named as ca_file, over both kinds of client. */
import * as assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { Outcome } from "../../src/webhook/attempt/Attempt.ts";
import * as Senders from "../../src/webhook/attempt/Senders.ts";
import {
  CA_CERT,
  EXPIRED,
  LEAF_CERT,
  LEAF_KEY,
  OTHER_NAME,
  REISSUED,
  SAME_NAMES,
  SELF_SIGNED,
} from "../support/pems.ts";
import { testNeeding } from "../support/permissions.ts";
import { ScriptedServer } from "../support/ScriptedServer.ts";

const BODY = { slab: { bytes: new TextEncoder().encode("{}") }, offset: 0, length: 2 };

const ANSWER = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/** Two attempts, one after the other, to a receiver with `shown`; whole requests that it saw. */
const post = async (
  kind: "pool" | "fetch",
  shown: { readonly cert: string; readonly key: string },
  trusted: string,
) => {
  const server = await ScriptedServer.listen(async (peer) => {
    while (await peer.request() !== undefined) await peer.say(ANSWER);
  }, { tls: shown });
  const sending = Effect.gen(function* () {
    const senders = yield* Senders.make(kind, "test");
    const certificates = { caCert: trusted, identity: undefined };
    yield* senders.prepare(certificates);
    const send = senders.of(certificates).to({
      url: `https://localhost:${server.port}/`,
      headers: [],
      signingKeys: [],
      httpTimeout: 5000,
      retryStatus: "transient",
      batchForm: undefined,
      compression: "none",
    });
    const attempt = () =>
      Effect.async<Outcome>((resume) =>
        send({ id: 1, seq: 0, ...BODY }, (outcome) => resume(Effect.succeed(outcome)))
      );
    return [yield* attempt(), yield* attempt()];
  });
  const outcomes = await Effect.runPromise(Effect.scoped(sending));
  const { requests } = server;
  await server.close();
  return {
    requests,
    outcomes: outcomes.map((o) => o._tag === "Failed" ? o.error.reason : o._tag),
    details: outcomes.flatMap((o) => o._tag === "Failed" ? [o.error.detail] : []),
  };
};

for (const kind of ["pool", "fetch"] as const) {
  testNeeding(
    ["net"],
    `A self-signed certificate that is the ca_file is trusted (${kind})`,
    async () => {
      for (const trusted of [SELF_SIGNED.cert, CA_CERT + SELF_SIGNED.cert]) {
        const { outcomes, requests } = await post(kind, SELF_SIGNED, trusted);
        assert.deepEqual(outcomes, ["Delivered", "Delivered"]);
        assert.equal(requests, 2);
      }
    },
  );

  testNeeding(
    ["net"],
    `A ca_file with a server's own certificate vouches for an authority's as ever (${kind})`,
    async () => {
      const leaf = { cert: LEAF_CERT, key: LEAF_KEY };
      const { outcomes } = await post(kind, leaf, SELF_SIGNED.cert + CA_CERT);
      assert.deepEqual(outcomes, ["Delivered", "Delivered"]);
    },
  );

  const refused = [
    ["another key's by the same names", SAME_NAMES, SELF_SIGNED.cert, /none of ca_file/],
    ["one made anew with the same key", REISSUED, SELF_SIGNED.cert, /none of ca_file/],
    ["one for another name", OTHER_NAME, OTHER_NAME.cert, /altnames|NotValidForName/],
    ["one that has expired", EXPIRED, EXPIRED.cert, /expired/],
    ["one where an authority is named", SELF_SIGNED, CA_CERT, /none of ca_file/],
  ] as const;
  for (const [what, shown, trusted, said] of refused) {
    testNeeding(
      ["net"],
      `A self-signed certificate is refused before anything is sent: ${what} (${kind})`,
      async () => {
        const { outcomes, requests, details } = await post(kind, shown, trusted);
        assert.deepEqual(outcomes, ["tls", "tls"]);
        assert.equal(requests, 0);
        for (const detail of details) assert.match(detail, said);
      },
    );
  }

  testNeeding(
    ["net"],
    `A self-signed certificate that nobody named is refused, and the log says what to do (${kind})`,
    async () => {
      const { outcomes, requests, details } = await post(kind, SELF_SIGNED, "");
      assert.deepEqual([outcomes, requests], [["tls", "tls"], 0]);
      if (kind === "pool") {
        for (const detail of details) assert.match(detail, /named as .*ca_file/);
      }
    },
  );
}
