import assert from "node:assert/strict";
import * as Effect from "effect/Effect";
import type { DeliveryIds } from "../../../../src/webhook/dispatch/DeliveryIds.ts";
import { idsOfProcess } from "../../../../src/webhook/dispatch/DeliveryIds.ts";
import { A, B, pass, published, rule, settingsOf, withEngine } from "../harness.ts";

Deno.test("idsOfProcess gives growing ids under a prefix of its own, and a floor for webhook-seq", () => {
  const [a, b] = [idsOfProcess(1_000), idsOfProcess(1_000)];
  assert.deepEqual([a.next(), a.next(), a.next()], [1, 2, 3]);
  assert.equal(a.sequenceFloor, 1_000_000);
  assert.notEqual(a.prefix, b.prefix);
  assert.match(a.prefix, /^[0-9a-f-]{13}-$/);
});

/** Ids as a store would give them that has seen other processes. */
class StoredIds implements DeliveryIds {
  readonly prefix = "store-";
  readonly sequenceFloor = 5_000_000;
  #last = 2 ** 40;

  next(): number {
    return ++this.#last;
  }
}

Deno.test("WebHook takes ids, their prefix and webhook-seq from whatever source it is given", () =>
  withEngine(
    settingsOf(),
    () => 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (let n = 0; n < 3; n++) webhook.sink.emit(published("c", n));
        yield* pass(0);
        assert.deepEqual(
          sent.map(({ headers }) => [headers["webhook-id"], headers["webhook-seq"]]),
          [1, 2, 3].map((n) => [`store-${(2 ** 40 + n).toString(36)}`, `${5_000_000 + n}`]),
        );
      }),
    { idsFrom: () => new StoredIds() },
  ));

Deno.test("WebHook's webhook-seq grows with each event, whose client ever it is, and is one for all URLs of an event", () =>
  withEngine(
    settingsOf({ rules: [rule("message_publish", { urls: [A, B] })] }),
    () => 200,
    ({ webhook, sent }) =>
      Effect.gen(function* () {
        for (const client of ["c", "d", "c"]) webhook.sink.emit(published(client, 0));
        yield* pass(0);
        const ofA = sent.filter(({ url }) => url === A).map(({ headers }) =>
          headers["webhook-seq"]
        );
        const ofB = sent.filter(({ url }) => url === B).map(({ headers }) =>
          headers["webhook-seq"]
        );
        assert.deepEqual([ofA, ofB], [["1", "2", "3"], ["1", "2", "3"]]);
      }),
  ));
