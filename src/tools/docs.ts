/**
 * `deno task docs`: makes the reference in docs/ anew from the Schemas of events and settings. It must
 * read and write nothing outside docs/; the task formats what it leaves.
 */
import { fillRegions } from "./docs/fillRegions.ts";
import { PAGES } from "./docs/pages.ts";
import { SCHEMAS } from "./docs/schemas.ts";

for (const [name, texts] of Object.entries(PAGES)) {
  const path = `docs/${name}`;
  Deno.writeTextFileSync(path, fillRegions(Deno.readTextFileSync(path), texts));
}
for (const [name, schema] of Object.entries(SCHEMAS)) {
  Deno.writeTextFileSync(`docs/schema/${name}`, `${JSON.stringify(schema, null, 2)}\n`);
}
