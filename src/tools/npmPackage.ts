/**
 * `deno task npm-package FOLDER`: puts the files of the npm package together in a new folder, for `npm pack`
 * or `npm publish` there. It must never take what a started broker and its tools do not need.
 */
import denoJson from "../../deno.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url);

/** From the tree, under the same paths. */
const FILES = [
  "deno.json",
  "deno.lock",
  "LICENSE",
  "config/broker.toml",
  "config/web-hook.toml",
];

/** Programs that make something of the tree. */
const LEFT_OUT = new Set(["src/tools/docs.ts", "src/tools/npmPackage.ts"]);

const sources = (folder: string): ReadonlyArray<string> =>
  [...Deno.readDirSync(new URL(folder, ROOT))].flatMap(({ name, isDirectory }) =>
    isDirectory ? sources(`${folder}${name}/`) : [`${folder}${name}`]
  ).filter((path) => !LEFT_OUT.has(path));

const [target, ...others] = Deno.args;
if (target === undefined || target.startsWith("-") || others.length > 0) {
  console.error("usage: deno task npm-package FOLDER");
  Deno.exit(64); // EX_USAGE
}

const copy = (path: string, to: string): void => {
  const file = `${target}/${to}`;
  Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
  Deno.copyFileSync(new URL(path, ROOT), file);
};

Deno.mkdirSync(target, { recursive: true });
if ([...Deno.readDirSync(target)].length > 0) {
  console.error(`${target}: expected a new or empty folder`);
  Deno.exit(73); // EX_CANTCREAT
}
for (const path of [...FILES, ...sources("src/")]) copy(path, path);
for (const path of ["hookline.js", "README.md"]) copy(`config/packaging/npm/${path}`, path);
const manifest = JSON.parse(
  Deno.readTextFileSync(new URL("config/packaging/npm/package.json", ROOT)),
);
Deno.writeTextFileSync(
  `${target}/package.json`,
  `${JSON.stringify({ ...manifest, version: denoJson.version }, null, 2)}\n`,
);
