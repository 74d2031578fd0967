import * as assert from "node:assert/strict";
import {
  digit,
  encodeLatin1,
  hexDigit,
  isFieldText,
  latin1,
  tokenEnd,
  trim,
} from "../../../src/http/grammar.ts";

/** Every byte there is. */
const codes = Array.from({ length: 256 }, (_, code) => code);

Deno.test("tokenEnd stops at each byte that is in no token, and at the end", () => {
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/;
  for (const code of codes) {
    const expected = token.test(String.fromCharCode(code)) ? 3 : 2;
    assert.equal(tokenEnd(Uint8Array.of(0x3a, 0x61, code, 0x61), 1, 3), expected, `${code}`);
  }
  assert.equal(tokenEnd(Uint8Array.of(0x61), 0, 0), 0);
});

Deno.test("isFieldText refuses control characters but tab, wherever they are", () => {
  for (const code of codes) {
    const control = code < 0x20 && code !== 0x09 || code === 0x7f;
    assert.equal(isFieldText(Uint8Array.of(0x61, code, 0x61), 0, 3), !control, `${code}`);
    assert.equal(isFieldText(Uint8Array.of(code, 0x61, code), 1, 2), true, "outside");
  }
});

Deno.test("encodeLatin1 and latin1 are each other's reverse, and what is not Latin-1 is NUL", () => {
  const text = String.fromCharCode(...codes);
  assert.deepEqual(encodeLatin1(text), Uint8Array.from(codes));
  assert.equal(latin1(Uint8Array.from(codes), 0, 256), text);
  assert.equal(latin1(Uint8Array.from(codes), 0x61, 0x64), "abc");
  assert.deepEqual(encodeLatin1("a\u0100\u212ab"), Uint8Array.of(0x61, 0, 0, 0x62));
  assert.ok(encodeLatin1("\u{1f600}").includes(0));
});

Deno.test("trim takes away space, tab and CR around, and nothing within", () => {
  assert.equal(trim(" \t\ra \tb\r \t"), "a \tb");
  assert.equal(trim("\xa0a\n"), "\xa0a\n");
  assert.equal(trim(" \t"), "");
});

Deno.test("digit and hexDigit know their digits and no other byte", () => {
  for (const code of codes) {
    const c = String.fromCharCode(code);
    assert.equal(digit(code), /[0-9]/.test(c) ? Number(c) : -1, c);
    assert.equal(hexDigit(code), /[0-9a-f]/i.test(c) ? parseInt(c, 16) : -1, c);
  }
  assert.equal(digit(undefined), -1);
});
