/** docs/ says what the Schemas and the code say: its generated parts are fresh, and its lists are whole. */
import assert from "node:assert/strict";
import { USAGE } from "../../../src/config/CommandLine.ts";
import { connackText } from "../../../src/mqtt/events/connackText.ts";
import { EndReason } from "../../../src/mqtt/events/EndReason.ts";
import { DropReason } from "../../../src/domain/DropReason.ts";
import { ReasonCode } from "../../../src/mqtt/wire/ReasonCode.ts";
import { fillRegions, NOTICE } from "../../../src/tools/docs/fillRegions.ts";
import { SCHEMAS } from "../../../src/tools/docs/schemas.ts";
import { PAGES } from "../../../src/tools/docs/pages.ts";
import { testNeeding } from "../../support/permissions.ts";

const REPOSITORY = new URL("../../../", import.meta.url);

const read = (page: string): string => Deno.readTextFileSync(new URL(`docs/${page}`, REPOSITORY));

/** The text as `deno fmt` leaves it. */
const formatted = async (text: string, ext: "md" | "json" = "md"): Promise<string> => {
  const fmt = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--ext", ext, "-"],
    cwd: REPOSITORY,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = fmt.output(); // read while it is written to: a pipe holds 64 KB
  const stdin = fmt.stdin.getWriter();
  await stdin.write(new TextEncoder().encode(text));
  await stdin.close();
  const { success, stdout } = await output;
  assert.ok(success);
  return new TextDecoder().decode(stdout);
};

for (const [page, texts] of Object.entries(PAGES)) {
  testNeeding(["read", "run"], `docs/${page} is what "deno task docs" makes`, async () => {
    const there = read(page);
    assert.equal(await formatted(fillRegions(there, texts)), there, "run: deno task docs");
  });
}

for (const [name, schema] of Object.entries(SCHEMAS)) {
  testNeeding(["read", "run"], `docs/schema/${name} is what "deno task docs" makes`, async () => {
    const made = await formatted(JSON.stringify(schema, null, 2), "json");
    assert.equal(made, read(`schema/${name}`), "run: deno task docs");
  });
}

const PAGE = `${NOTICE}\n\nBefore.\n\n<!-- generated: a -->\n\nold\n\n<!-- end -->\n\nAfter.\n`;

Deno.test("fillRegions replaces what stands between the marks, and nothing else", () => {
  assert.equal(fillRegions(PAGE, { a: "new\n\nnewer" }), PAGE.replace("old", "new\n\nnewer"));
  assert.equal(fillRegions(PAGE, { a: "old" }), PAGE);
});

Deno.test("fillRegions refuses a page without notice, and texts that are not those of its regions", () => {
  assert.throws(() => fillRegions(PAGE.slice(1), { a: "" }), /does not begin/);
  assert.throws(() => fillRegions(PAGE, {}), /nothing to generate for a/);
  assert.throws(() => fillRegions(PAGE, { a: "", b: "" }), /no place for b/);
});

testNeeding(["read"], "docs/events.md names every reason and every text of conn_ack", () => {
  const events = read("events.md");
  const never = connackText(5, ReasonCode.UnsupportedProtocolVersion); // those are told in 3.1.1's words
  const texts = Object.values(ReasonCode)
    .flatMap((code) => [connackText(4, code), connackText(5, code)])
    .filter((text) => text !== never);
  for (const reason of [...Object.values(EndReason), ...Object.values(DropReason)]) {
    assert.ok(events.includes(`| \`${reason}\` `), reason);
  }
  for (const text of new Set(texts)) assert.ok(events.includes(`\`"${text}"\``), text);
});

testNeeding(["read"], "docs/command-line.md names every option", () => {
  const options = new Set(USAGE.match(/--[a-z-]+/g));
  assert.ok(options.size >= 5);
  for (const option of options) {
    assert.ok(read("command-line.md").includes(`| \`${option}`), option);
  }
});
