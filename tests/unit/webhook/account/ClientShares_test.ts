import assert from "node:assert/strict";
import * as fc from "effect/FastCheck";
import type { Delivery } from "../../../../src/webhook/attempt/Delivery.ts";
import { placesOf } from "../../../../src/webhook/account/Backlog.ts";
import { ClientShares } from "../../../../src/webhook/account/ClientShares.ts";
import { Lanes } from "../../../../src/webhook/endpoint/Lanes.ts";

const delivery = (id: number, lane: string, length = 10): Delivery => ({
  id,
  event: 0,
  seq: id,
  born: 0,
  lane,
  slab: { bytes: new Uint8Array(0), live: 0 },
  offset: 0,
  length,
  retry: undefined,
  dueAt: 0,
  schedule: undefined,
});

Deno.test("ClientShares holds a client beyond its share until its events take half of it, and no other", async () => {
  let again = 0;
  const shares = new ClientShares(100, 0.1, () => again++);
  const lanes = new Lanes(shares);
  for (let id = 1; id <= 11; id++) lanes.enter("a", delivery(id, "a")); // the first is on its way
  lanes.enter("b", delivery(12, "b"));
  assert.equal(shares.holds("a"), false);
  lanes.enter("a", delivery(13, "a"));
  assert.equal(shares.holds("a"), true);
  assert.equal(shares.holds("b"), false);
  for (let waiting = 11; waiting > 6; waiting--) lanes.leave("a");
  assert.equal(shares.holds("a"), true);
  lanes.leave("a");
  assert.equal(shares.holds("a"), false);
  assert.equal(again, 0); // in a microtask of its own
  await Promise.resolve();
  assert.equal(again, 1);
});

Deno.test("ClientShares counts a client's events of all URLs together, large ones for what they take", () => {
  const shares = new ClientShares(100, 0.1, () => {});
  const urls = [new Lanes(shares), new Lanes(shares)];
  for (const lanes of urls) {
    lanes.enter("a", delivery(1, "a"));
    lanes.enter("a", delivery(2, "a", 5 * 1024));
  }
  assert.equal(shares.holds("a"), false);
  urls[0]!.enter("a", delivery(3, "a")); // of two
  assert.equal(shares.holds("a"), true);
});

Deno.test("ClientShares lets a client go whose events wait for a URL that fails, and counts them again when it works", () => {
  const shares = new ClientShares(100, 0.1, () => {});
  const lanes = new Lanes(shares);
  for (let id = 1; id <= 12; id++) lanes.enter("a", delivery(id, "a"));
  lanes.setCounting(false);
  assert.equal(shares.holds("a"), false);
  lanes.enter("a", delivery(13, "a"));
  lanes.leave("a");
  lanes.setCounting(true);
  assert.equal(shares.holds("a"), true);
});

Deno.test("ClientShares holds who fills the lane of another, until that goes on", () => {
  const shares = new ClientShares(100, 0.1, () => {});
  const lanes = new Lanes(shares);
  for (let id = 1; id <= 12; id++) lanes.enter("a", delivery(id, "a"));
  shares.fills("publisher", "a");
  assert.equal(shares.holds("publisher"), true);
  for (let n = 0; n < 6; n++) lanes.leave("a");
  assert.equal(shares.holds("publisher"), false);
});

Deno.test("ClientShares goes by other settings at once", () => {
  const shares = new ClientShares(100, 0.1, () => {});
  const lanes = new Lanes(shares);
  for (let id = 1; id <= 9; id++) lanes.enter("a", delivery(id, "a"));
  shares.resize(100, 0.05);
  assert.equal(shares.holds("a"), true);
  shares.resize(1000, 0.05);
  assert.equal(shares.holds("a"), false);
});

const operation = fc.oneof(
  fc.record({
    do: fc.constant("enter"),
    url: fc.nat(2),
    client: fc.constantFrom("a", "b", "c"),
    length: fc.nat(4000),
  }),
  fc.record({ do: fc.constant("leave"), url: fc.nat(2), client: fc.constantFrom("a", "b", "c") }),
  fc.record({ do: fc.constant("oldest"), url: fc.nat(2) }),
  fc.record({ do: fc.constant("counting"), url: fc.nat(2), counts: fc.boolean() }),
);

Deno.test("ClientShares knows what waits in the lanes of every client, whatever becomes of it", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 80 }), (operations) => {
      const shares = new ClientShares(200, 0.1, () => {});
      const urls = [0, 1, 2].map(() => ({
        lanes: new Lanes(shares),
        onTheirWay: new Set<string>(),
        counts: true,
      }));
      /** Held as a plain count of what waits says: over 20 places, and then until 10. */
      const held = new Set<string>();
      let id = 0;
      for (const operation of operations) {
        const url = urls[operation.url]!; // of three
        if ("length" in operation) {
          const { client, length } = operation;
          if (url.lanes.enter(client, delivery(++id, client, length))) url.onTheirWay.add(client);
        } else if ("client" in operation) {
          const { client } = operation;
          if (url.onTheirWay.has(client) && url.lanes.leave(client) === undefined) {
            url.onTheirWay.delete(client);
          }
        } else if ("counts" in operation) {
          url.lanes.setCounting(operation.counts);
          url.counts = operation.counts;
        } else url.lanes.takeOldest();
        for (const client of ["a", "b", "c"]) {
          const places = urls.filter(({ counts }) => counts)
            .flatMap(({ lanes }) => [...lanes])
            .filter(({ lane }) => lane === client)
            .reduce((sum, { length }) => sum + placesOf(length), 0);
          if (places > 20) held.add(client);
          else if (places <= 10) held.delete(client);
          assert.equal(shares.holds(client), held.has(client));
        }
      }
    }),
    { numRuns: 300 },
  );
});
