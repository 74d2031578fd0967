/**
 * `deno task docs`: makes the reference in docs/ anew from the Schemas of events and settings. It must
 * read and write nothing outside docs/; the task formats what it leaves.
 */
import { fillRegions } from "./docs/fillRegions.ts";
import { PAGES } from "./docs/pages.ts";

for (const [name, texts] of Object.entries(PAGES)) {
  const path = `docs/${name}`;
  Deno.writeTextFileSync(path, fillRegions(Deno.readTextFileSync(path), texts));
}
