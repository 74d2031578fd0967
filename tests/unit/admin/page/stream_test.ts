import assert from "node:assert/strict";
import { parser } from "../../../../src/admin/page/stream.js";

Deno.test("parser of the stream finds each message, wherever the text is cut", () => {
  const text = 'event: snapshot\ndata: {"a":"x\\n"}\n\n: ping\n\nevent: events\ndata: {}\n\n';
  for (let size = 1; size <= text.length; size++) {
    const found: Array<readonly [string, string]> = [];
    const parse = parser((name: string, data: string) => found.push([name, data]));
    for (let at = 0; at < text.length; at += size) parse(text.slice(at, at + size));
    assert.deepEqual(found, [["snapshot", '{"a":"x\\n"}'], ["events", "{}"]]);
  }
});
