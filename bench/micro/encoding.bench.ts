/** One body: by the encoder derived from the Schema, and by the Schema itself. */
import * as Schema from "@effect/schema";
import { BodySlabs } from "../../src/webhook/body/BodySlab.ts";
import { eventBody } from "../../src/webhook/body/EventBody.ts";
import { underAction } from "../../tests/support/underAction.ts";
import * as EventEncoder from "../../src/webhook/body/EventEncoder.ts";
import { published } from "../../tests/unit/webhook/harness.ts";

for (const bytes of [16, 1_024, 65_536]) {
  const payload = new Uint8Array(bytes).fill(65);
  const event = { ...published("client-1", 1, "site/7/device/42"), payload } as ReturnType<
    typeof published
  >;
  const group = `payload of ${bytes} bytes`;

  const encode = EventEncoder.make("message_publish", "message_publish");
  const slabs = new BodySlabs();
  Deno.bench(`EventEncoder into a slab, ${group}`, { group, baseline: true }, () => {
    slabs.write(event, encode);
  });

  const bySchema = Schema.encodeSync(eventBody("message_publish"));
  Deno.bench(`Schema.encodeSync and JSON.stringify, ${group}`, { group }, () => {
    JSON.stringify(bySchema(underAction(event, "message_publish")));
  });
}
