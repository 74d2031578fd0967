import assert from "node:assert/strict";
import { parse, stringify } from "@std/toml";
import * as FastCheck from "effect/FastCheck";
import type { KeyPath } from "../../../src/config/ConfigError.ts";
import { tomlLines } from "../../../src/config/TomlLines.ts";

const TOML = `# a comment [not.a.table]
a = 1
b.c = "x # no comment"   # a comment
b."d.e" = 'C:\\'

[t] # table
multi = """
not = "a key"
\\""" ["""
list = [ # comment
  "one", 'two',
  [3, 4],

  { x = 5, y.z = { w = "}" } },
]
literal = '''
[nor.this]'''

[[array]]
k = 1979-05-27 07:32:00
[[array]]
[[array.inner]]
k = 2
[array.inner.table]
k = -1_000
[quoted."key with ]".x]
"\\u0061\\e	" = 1
[array.inner.table.later]
k = {
  a = 1, # a comment
  "b".c = [
    2],
}
['']
"" = 1
[__proto__.toString]
constructor = 1
`;

const CASES: ReadonlyArray<readonly [KeyPath, number | undefined]> = [
  [["a"], 2],
  [["b"], 3],
  [["b", "c"], 3],
  [["b", "d.e"], 4],
  [["b", "d", "e"], undefined],
  [["t"], 6],
  [["t", "multi"], 7],
  [["t", "not"], undefined],
  [["t", "list"], 10],
  [["t", "list", 1], 11],
  [["t", "list", "1"], undefined],
  [["t", "list", 2, 1], 12],
  [["t", "list", 3], 14],
  [["t", "list", 3, "y", "z", "w"], 14],
  [["t", "literal"], 16],
  [["array"], 19],
  [["array", 0, "k"], 20],
  [["array", 1], 21],
  [["array", 1, "inner", 0], 22],
  [["array", 1, "inner", 0, "k"], 23],
  [["array", 1, "inner", 0, "table", "k"], 25],
  [["array", 2], undefined],
  [["quoted", "key with ]", "x"], 26],
  [["quoted", "key with ]", "x", "a\x1b\t"], 27],
  [["array", 1, "inner", 0, "table"], 24],
  [["array", 1, "inner", 0, "table", "later"], 28],
  [["array", 1, "inner", 0, "table", "later", "k", "a"], 30],
  [["array", 1, "inner", 0, "table", "later", "k", "b"], 31],
  [["array", 1, "inner", 0, "table", "later", "k", "b", "c", 0], 32],
  [[""], 34],
  [["", ""], 35],
  [["__proto__"], 36],
  [["__proto__", "toString", "constructor"], 37],
  [["toString"], undefined],
];

const forms = {
  "LF": TOML,
  "CRLF": TOML.replaceAll("\n", "\r\n"),
  "a byte order mark": `\ufeff${TOML}`,
};

for (const [name, text] of Object.entries(forms)) {
  Deno.test(`tomlLines finds the lines of keys of every form, with ${name}`, () => {
    parse(text); // the example is TOML
    const lines = tomlLines(text);
    assert.deepEqual(CASES.map(([path]) => [path, lines.of(path)]), CASES);
  });
}

Deno.test("tomlLines knows no line of what only our parser accepts", () => {
  for (const value of ["2023-02-30", `"${"x".repeat(300_000)}"`]) {
    const text = `before = 1\nkey = ${value}\nafter = 1`;
    assert.deepEqual(Object.keys(parse(text)), ["before", "key", "after"]);
    const lines = tomlLines(text);
    for (const key of ["before", "key", "after"]) assert.equal(lines.of([key]), undefined);
  }
});

/** Every path of a parsed document. */
const pathsOf = (value: unknown, path: KeyPath = []): ReadonlyArray<KeyPath> => {
  const inner = Array.isArray(value)
    ? value.map((v, i) => [i, v] as const)
    : typeof value === "object" && value !== null && !(value instanceof Date)
    ? Object.entries(value)
    : [];
  return [
    ...(path.length === 0 ? [] : [path]),
    ...inner.flatMap(([k, v]) => pathsOf(v, [...path, k])),
  ];
};

Deno.test("tomlLines gives every key a line on which the key stands", () => {
  const key = FastCheck.constantFrom("a", "b", "c-d", "e_1", "with space", "dot.ted", 'quo"te');
  const leaf = FastCheck.oneof(FastCheck.string(), FastCheck.integer(), FastCheck.boolean());
  const { table } = FastCheck.letrec<{ value: unknown; table: Record<string, unknown> }>((tie) => ({
    value: FastCheck.oneof(
      { maxDepth: 3 },
      leaf,
      FastCheck.array(leaf, { maxLength: 3 }),
      FastCheck.array(tie("table"), { minLength: 1, maxLength: 3 }),
      tie("table"),
    ),
    table: FastCheck.dictionary(key, tie("value"), { maxKeys: 4 }) as FastCheck.Arbitrary<
      Record<string, unknown>
    >, // the leaves above are TOML values
  }));
  FastCheck.assert(
    FastCheck.property(table, (document) => {
      const text = stringify(document);
      const lines = tomlLines(text);
      for (const path of pathsOf(parse(text))) {
        const line = lines.of(path);
        assert.ok(line !== undefined, `no line for ${JSON.stringify(path)} in\n${text}`);
        const name = path.findLast((part) => typeof part === "string") ?? "";
        const written = text.split("\n")[line - 1] ?? "";
        assert.ok(
          written.includes(JSON.stringify(name).slice(1, -1)),
          `${JSON.stringify(path)} is not on line ${line} of\n${text}`,
        );
      }
    }),
  );
});
