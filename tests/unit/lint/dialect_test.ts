import assert from "node:assert/strict";
import dialect from "../../lint/dialect.ts";

/** The names of the rules that a text breaks. */
const broken = (source: string): ReadonlyArray<string> =>
  Deno.lint.runPlugin(dialect, "some.ts", source).map(({ id }) => id);

const CASES: ReadonlyArray<readonly [source: string, rule: string | undefined]> = [
  ["class A { private x = 1; }", "dialect/private-state"],
  ["class A { private readonly x = 1; }", "dialect/private-state"],
  ["class A { constructor(private readonly x: number) {} }", "dialect/private-state"],
  ["class A { private f() {} }", "dialect/private-state"],
  ["class A { #x = 1; readonly y = 2; constructor(readonly z: number) {} }", undefined],
  ["class A { private constructor() {} protected f() {} }", undefined],
  ["const limit = 1;", "dialect/constant-names"],
  ["export const limit = -1;", "dialect/constant-names"],
  ["const limit = 64 * 1024;", "dialect/constant-names"],
  ["const names = ['a'] as const;", "dialect/constant-names"],
  ["const names = new Set(['a']);", "dialect/constant-names"],
  ["const form = /a/;", "dialect/constant-names"],
  ["const text = `a`;", "dialect/constant-names"],
  ["const LIMIT = 1; const TWO_WORDS_2 = new Map();", undefined],
  ["const f = () => 1; const made = make(); const { a } = b; let count = 0;", undefined],
  ["const f = () => { const local = 1; return local; };", undefined],
  ["import { type A } from './a.ts';", "dialect/type-imports"],
  ["import { type A, b } from './a.ts';", "dialect/type-imports"],
  ["import type { A } from './a.ts'; import { b } from './a.ts';", undefined],
];

for (const [source, rule] of CASES) {
  Deno.test(`dialect ${rule === undefined ? "allows" : `(${rule}) refuses`} ${source}`, () => {
    assert.deepEqual(broken(source), rule === undefined ? [] : [rule]);
  });
}
