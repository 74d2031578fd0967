import assert from "node:assert/strict";
import { sourceOf } from "../../../src/domain/sourceOf.ts";

for (
  const [address, source] of [
    ["127.0.0.1:51234", "127.0.0.1"],
    ["[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2"],
    ["[2001:db8:1:2::6]:1", "2001:db8:1:2"],
    ["[2001:db8::6]:65535", "2001:db8:0:0"],
    ["[2001:db8::1:2:3:4:5]:1", "2001:db8:0:1"],
    ["[::1]:51234", "0:0:0:0"],
    ["[fe80::]:1", "fe80:0:0:0"],
  ] as const
) {
  Deno.test(`sourceOf ${address} is ${source}`, () => assert.equal(sourceOf(address), source));
}
