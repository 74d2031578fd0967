import assert from "node:assert/strict";
import type { Typed } from "../../../src/tools/HiddenLine.ts";
import { HiddenLine } from "../../../src/tools/HiddenLine.ts";

const typed = (text: string): readonly [string, Typed] => {
  const line = new HiddenLine();
  let last: Typed = "typing";
  for (const byte of new TextEncoder().encode(text)) last = line.type(byte);
  return [line.text, last];
};

for (
  const [what, keys, text, end] of [
    ["a line", "secret\r", "secret", "whole"],
    ["a line of a terminal that sends line feeds", "secret\n", "secret", "whole"],
    ["an unfinished line", "sec", "sec", "typing"],
    ["characters beyond ASCII", "pässwörd€\r", "pässwörd€", "whole"],
    ["backspace over a character of several bytes", "a€\x7fb\r", "ab", "whole"],
    ["backspace over nothing", "\x7f\bab\r", "ab", "whole"],
    ["Ctrl-U, which takes all back", "wrong\x15right\r", "right", "whole"],
    [
      "arrows and function keys, which are no characters",
      "a\x1b[Ab\x1bOPc\x1b[3~d\r",
      "abcd",
      "whole",
    ],
    ["Ctrl-C", "abc\x03", "abc", "cancelled"],
    ["Ctrl-D where nothing is typed", "\x04", "", "none"],
    ["Ctrl-D behind something", "abc\x04", "abc", "whole"],
    ["spaces, which belong to it", " a b \r", " a b ", "whole"],
  ] as const
) {
  Deno.test(`HiddenLine reads ${what}`, () => assert.deepEqual(typed(keys), [text, end]));
}
