import assert from "node:assert/strict";
import { render } from "../../../src/admin/prometheus.ts";

Deno.test("render writes HELP, TYPE and a line for each sample, and the first two without one", () => {
  assert.equal(
    render([
      { name: "a_total", type: "counter", help: "What\n\\it is.", samples: [] },
      {
        name: "b",
        type: "summary",
        help: "B.",
        samples: [
          { labels: { url: 'http://x/"\\\n', quantile: 0.5 }, value: 0.25 },
          { suffix: "_count", labels: {}, value: Infinity },
        ],
      },
    ]),
    [
      "# HELP a_total What\\n\\\\it is.",
      "# TYPE a_total counter",
      "# HELP b B.",
      "# TYPE b summary",
      'b{url="http://x/\\"\\\\\\n",quantile="0.5"} 0.25',
      "b_count +Inf",
      "",
    ].join("\n"),
  );
});
