/** What the tree's files name by a path is in the tree: nothing outside it, and nothing that is gone. */
import assert from "node:assert/strict";
import { testNeeding } from "../support/permissions.ts";

const ROOT = new URL("../../", import.meta.url);

/** Not of the tree: the store of versions, and what .gitignore names. */
const LEFT_OUT = /^(\.git|bench\/results|coverage|node_modules)$/;

/** Every file of the tree, as a path from its root. */
const files = (folder = ""): ReadonlyArray<string> =>
  [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}${name}`;
    if (LEFT_OUT.test(path)) return [];
    return isDirectory ? files(`${path}/`) : [path];
  });

const textOf = (file: string): string => Deno.readTextFileSync(new URL(file, ROOT));

const isThere = (url: URL): boolean => {
  try {
    return Deno.statSync(url) !== undefined;
  } catch {
    return false;
  }
};

const isInside = (url: URL): boolean => url.href.startsWith(ROOT.href);

/** Paths that go up. */
const UP = /(?<![\w$/.-])(?:\.\.\/)+(?:[\w@./-]*\w)?/g;

/** Pages, and what lies in a folder named "shared"; a topic like `$shared/a` is neither. */
const NAMED = /(?<![\w$/.-])(?:docs\/|(?:\.\.\/|[\w.-]+\/)*shared\/)[\w@./-]*\w/g;

/** The paths in a text that lead out of the tree, and the pages and shared things that are not there. */
const astray = (file: string, text: string): ReadonlyArray<string> => {
  const from = new URL(file, ROOT);
  const out = (text.match(UP) ?? []).filter((path) => !isInside(new URL(path, from)));
  const gone = (text.match(NAMED) ?? []).filter((path) =>
    ![new URL(path, ROOT), new URL(path, from)].some((url) => isInside(url) && isThere(url))
  );
  return [...new Set([...out, ...gone])].map((path) => `${file}: ${path}`);
};

testNeeding(["read"], "astray tells a path that leads out of the tree, and no other", () => {
  const file = "tests/unit/tree_test.ts";
  const [up, shared, docs] = ["..", "shared", "docs"]; // put together here, or this file would go astray
  for (
    const path of [`${up}/${up}/${up}/${shared}/a.md`, `${shared}/contract.md`, `${docs}/no.md`]
  ) {
    assert.deepEqual(astray(file, `see ${path}.`), [`${file}: ${path}`]);
  }
  const known = "../support/permissions.ts, docs/events.md, bench/load/shared/rounds.ts, $shared/a";
  assert.deepEqual(astray(file, known), []);
});

testNeeding(
  ["read"],
  "No file names a path outside the tree, nor a page of docs/ that is not there",
  () => {
    assert.deepEqual(files().flatMap((file) => astray(file, textOf(file))), []);
  },
);

/** The anchors of a page: of each heading its words in lower case, joined by hyphens. */
const anchorsOf = (markdown: string): ReadonlySet<string> => {
  const count = new Map<string, number>();
  return new Set(
    [...markdown.replace(/^```.*?^```/gms, "").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => {
      const anchor = heading.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-");
      const before = count.get(anchor) ?? 0;
      count.set(anchor, before + 1);
      return before === 0 ? anchor : `${anchor}-${before}`;
    }),
  );
};

testNeeding(["read"], "Links in Markdown lead to files and headings of the tree", () => {
  const faults = files().filter((file) => file.endsWith(".md")).flatMap((file) => {
    const text = textOf(file).replace(/^```.*?^```/gms, "");
    return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [path = "", anchor] = target.split("#");
        const to = path === "" ? new URL(file, ROOT) : new URL(path, new URL(file, ROOT));
        if (!isInside(to) || !isThere(to)) return true;
        return anchor !== undefined && !anchorsOf(Deno.readTextFileSync(to)).has(anchor);
      })
      .map((target) => `${file}: ${target}`);
  });
  assert.deepEqual(faults, []);
});

testNeeding(["read"], "docs/design.md names no file of src or tests that is not there", () => {
  const names = [...textOf("docs/design.md").matchAll(/`([a-z]+(?:\/[\w]+)+(?:\.ts)?)\/?`/g)];
  const gone = names.map(([, path = ""]) => path).filter((path) =>
    ![path, `src/${path}`, `src/${path}.ts`].some((path) => isThere(new URL(path, ROOT)))
  );
  assert.deepEqual(gone, []);
  assert.ok(names.length > 30, `only ${names.length} found`);
});
