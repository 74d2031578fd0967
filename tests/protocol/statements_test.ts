/** The table of normative statements in README.md: every test and every place in src that it names must exist. */
import assert from "node:assert/strict";
import { testNeeding } from "../support/permissions.ts";

const FOLDER = new URL("./", import.meta.url);

/** The names of a file's tests, as patterns: what is put into a name by the program matches anything. */
const testNames = async (file: string): Promise<ReadonlyArray<RegExp>> => {
  const source = await Deno.readTextFile(new URL(file, FOLDER));
  const names = source.matchAll(
    /(?:Deno\.test|testNeeding)\(\s*(?:NEEDED,\s*)?((?:"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\s*\+\s*|\([^()]*\))+)/g,
  );
  return Array.from(names, ([, expression = ""]) => {
    const parts = expression.match(/"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|\([^()]*\)/g) ?? [];
    const pattern = parts.map((part) =>
      part.startsWith("(")
        ? ".*"
        : part.slice(1, -1).split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/).map(RegExp.escape).join(".*")
    );
    return new RegExp(`^${pattern.join("")}$`);
  });
};

testNeeding(["read"], "README names no test that is not there", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", FOLDER));
  const files = new Map<string, ReadonlyArray<RegExp>>();
  const missing: Array<string> = [];
  let named = 0;
  for (const [, file = "", name = ""] of readme.matchAll(/\| `(\S+_test\.ts)`: (.*?)\s*\|$/gm)) {
    const names = files.get(file) ?? await testNames(file);
    files.set(file, names);
    named++;
    if (!names.some((pattern) => pattern.test(name))) missing.push(`${file}: ${name}`);
  }
  assert.deepEqual(missing, []);
  assert.ok(named > 100, `only ${named} tests found in the table`);
});

testNeeding(["read"], "README names no place in src that is not there", async () => {
  const src = new URL("../../src/", import.meta.url);
  const texts = new Map<string, string>();
  const read = async (folder: URL): Promise<void> => {
    for await (const { name, isDirectory } of Deno.readDir(folder)) {
      if (isDirectory) await read(new URL(`${name}/`, folder));
      else {texts.set(
          name,
          (texts.get(name) ?? "") + await Deno.readTextFile(new URL(name, folder)),
        );}
    }
  };
  await read(src);
  const missing: Array<string> = [];
  let named = 0;
  const readme = await Deno.readTextFile(new URL("README.md", FOLDER));
  for (const [, where = ""] of readme.matchAll(/^\|[^|]*\|[^|]*\|([^|]*)\| `\S+_test\.ts`/gm)) {
    for (const [, file, names = ""] of where.matchAll(/(\w+): ((?:`[^`]+`(?:, )?)+)/g)) {
      for (const [, name = ""] of names.matchAll(/`([^`]+)`/g)) {
        named++;
        if (texts.get(`${file}.ts`)?.includes(name) !== true) missing.push(`${file}: ${name}`);
      }
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(named > 100, `only ${named} places found in the table`);
});
