import assert from "node:assert/strict";
import { parseListenerAddress } from "../../../src/config/ListenerAddress.ts";
import { overlap } from "../../../src/config/overlaps.ts";

const addressOf = (text: string) => {
  const address = parseListenerAddress(text);
  assert.ok(address !== undefined);
  return address;
};

for (
  const [one, other, expected] of [
    ["127.0.0.1:1", "127.0.0.1:1", true],
    ["127.0.0.1:1", "127.0.0.1:2", false],
    ["127.0.0.1:0", "127.0.0.1:0", false],
    ["127.0.0.1:1", "127.0.0.2:1", false],
    ["127.0.0.1:1", "0.0.0.0:1", true],
    [":1", "host.example:1", true],
    ["localhost:1", "127.0.0.1:1", true],
    ["LOCALHOST:1", "localhost:1", true],
    ["localhost:1", "[::1]:1", false],
    ["[::]:1", "0.0.0.0:1", true],
    ["[::]:1", "127.0.0.1:1", true],
    ["[::]:1", "[::1]:1", true],
    ["[::1]:1", "0.0.0.0:1", false],
    ["[::1]:1", "[0:0:0::0:1]:1", true],
    ["[::ffff:127.0.0.1]:1", "127.0.0.1:1", true],
    ["[::ffff:127.0.0.1]:1", "0.0.0.0:1", true],
    ["127.0.0.01:1", "127.0.0.1:1", true],
  ] as const
) {
  Deno.test(`overlap finds that ${one} and ${other} ${expected ? "exclude" : "bear"} each other`, () => {
    assert.equal(overlap(addressOf(one), addressOf(other)), expected);
    assert.equal(overlap(addressOf(other), addressOf(one)), expected);
  });
}
