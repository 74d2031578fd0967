/** Names, types and labels are what people's alerts and dashboards hold on to: none may change by chance. */
import assert from "node:assert/strict";
import alerts from "../../../config/alerts.yml" with { type: "text" };
import grafana from "../../../config/grafana.json" with { type: "json" };
import { metricFamilies } from "../../../src/admin/metricFamilies.ts";
import type { ProcessFigures } from "../../../src/admin/ProcessFigures.ts";
import { render } from "../../../src/admin/prometheus.ts";
import { hookEventNames } from "../../../src/domain/HookEvent.ts";
import type { DiskSnapshot } from "../../../src/webhook/account/Metrics.ts";
import { ATTEMPT_OUTCOMES, Metrics } from "../../../src/webhook/account/Metrics.ts";
import { gauges } from "../../support/gauges.ts";
import { ProtocolBench } from "../../support/ProtocolBench.ts";

const PROCESS: ProcessFigures = {
  cpuSeconds: 1.5,
  residentBytes: 1e8,
  startSeconds: 1e9,
  delay: { p50: 0.001, p99: 0.002, max: 0.003, sum: 1, count: 10 },
};

const RELOAD = { isGood: false, goodAt: 1_700_000_000_000 };

const DISK: DiskSnapshot = {
  groups: 1,
  events: 2,
  bytes: 3,
  written: 4,
  skipped: 5,
  commits: 6,
  commit_p50: 1,
  commit_p99: 2,
  failing: true,
  last_error: "no space left",
  waiting: 0,
  unsafe_bytes: 7,
  letters: { groups: 0, n: 0, bytes: 0, oldest: undefined, purged: 0, marked: [] },
  damaged: 0,
  set_aside: 0,
  replaced: 0,
  letters_lost: 8,
};

/** Figures of so many URLs, each with each event and each kind of end. */
const figures = (urls: number) => {
  const metrics = new Metrics(gauges({
    backlog: () => 1,
    capacity: () => 10,
    highWater: () => 8,
    heldSeconds: () => 1.5,
    bodyBytes: () => 2,
    slabBytes: () => 3,
    disk: () => DISK,
    now: () => 61_500,
  }));
  for (let i = 0; i < urls; i++) {
    const counters = metrics.endpoint(`http://user:secret@host/${i}`, `http://host/${i}`);
    for (const event of hookEventNames.keys()) {
      counters.matched[event] = 10;
      counters.delivered[event] = 5;
      counters.queued[event] = 1;
      counters.inFlight[event] = 1;
      for (const reason of ["status_4xx", "timeout"]) counters.failed(event, reason);
      counters.dropped(event, "queue_full");
    }
    counters.attempts = 99;
    for (const outcome of ATTEMPT_OUTCOMES) counters.attempted(outcome);
    for (const took of [1, 4, 20_000]) counters.requests.add(took);
    counters.delays.add(70);
    counters.ages.add(500);
    counters.lastSuccess = 61_000;
    counters.answerFault("header");
  }
  const { broker } = new ProtocolBench();
  const webHook = { metrics, sink: broker.context.hooks.sink };
  return () =>
    metricFamilies({ broker, webHook, lastReload: () => RELOAD, process: () => PROCESS });
};

Deno.test("metricFamilies has these names and types", () => {
  const families = figures(1)().map(({ name, type }) => `${name} ${type}`);
  assert.deepEqual(families, [
    "hookline_events_matched_total counter",
    "hookline_events_delivered_total counter",
    "hookline_events_failed_total counter",
    "hookline_events_dropped_total counter",
    "hookline_events_queued gauge",
    "hookline_events_in_flight gauge",
    "hookline_events_kept gauge",
    "hookline_attempts_total counter",
    "hookline_request_duration_seconds histogram",
    "hookline_delivery_delay_seconds histogram",
    "hookline_oldest_event_age_seconds gauge",
    "hookline_endpoint_last_success_timestamp_seconds gauge",
    "hookline_answer_faults_total counter",
    "hookline_endpoint_state gauge",
    "hookline_queue_events gauge",
    "hookline_queue_capacity_events gauge",
    "hookline_queue_high_water_events gauge",
    "hookline_queue_unmatched_events gauge",
    "hookline_queue_body_bytes gauge",
    "hookline_queue_slab_bytes gauge",
    "hookline_backpressure_seconds_total counter",
    "hookline_backpressure_active gauge",
    "hookline_workers_lost_total counter",
    "hookline_outbox_events gauge",
    "hookline_outbox_bytes gauge",
    "hookline_outbox_written_total counter",
    "hookline_outbox_skipped_total counter",
    "hookline_outbox_commits_total counter",
    "hookline_outbox_failing gauge",
    "hookline_outbox_unsafe_bytes gauge",
    "hookline_outbox_letters_lost_total counter",
    "hookline_dead_letters_events gauge",
    "hookline_dead_letters_bytes gauge",
    "hookline_dead_letters_oldest_timestamp_seconds gauge",
    "hookline_dead_letters_purged_total counter",
    "hookline_connections gauge",
    "hookline_connections_max gauge",
    "hookline_connacks_total counter",
    "hookline_disconnects_total counter",
    "hookline_sessions gauge",
    "hookline_subscriptions gauge",
    "hookline_retained_messages gauge",
    "hookline_retained_bytes gauge",
    "hookline_session_queue_messages gauge",
    "hookline_mqtt_messages_received_total counter",
    "hookline_mqtt_messages_sent_total counter",
    "hookline_mqtt_messages_dropped_total counter",
    "hookline_mqtt_received_bytes_total counter",
    "hookline_mqtt_sent_bytes_total counter",
    "hookline_event_loop_delay_seconds summary",
    "hookline_event_loop_delay_max_seconds gauge",
    "hookline_config_last_reload_successful gauge",
    "hookline_config_last_reload_success_timestamp_seconds gauge",
    "hookline_build_info gauge",
    "process_cpu_seconds_total counter",
    "process_resident_memory_bytes gauge",
    "process_start_time_seconds gauge",
  ]);
});

Deno.test("metricFamilies keeps the account, and shows no secret of a URL", () => {
  const families = new Map(figures(2)().map((family) => [family.name, family.samples]));
  const total = (name: string) =>
    families.get(`hookline_${name}`)?.reduce((sum, { value }) => sum + value, 0) ?? NaN;
  assert.equal(total("events_matched_total"), 2 * 10 * hookEventNames.length);
  assert.equal(
    total("events_matched_total"),
    ["delivered_total", "failed_total", "dropped_total", "queued", "in_flight", "kept"]
      .reduce((sum, name) => sum + total(`events_${name}`), 0),
  );
  assert.deepEqual(families.get("hookline_events_dropped_total")?.[0]?.labels, {
    url: "http://host/0",
    event: hookEventNames[0],
    reason: "queue_full",
  });
  assert.doesNotMatch(render(figures(1)()), /secret|user/);
});

Deno.test("metricFamilies has histograms in seconds, whose ranges hold those below them", () => {
  const lines = render(figures(1)()).split("\n");
  const of = (name: string) => lines.filter((line) => line.startsWith(`hookline_${name}`));
  const buckets = of("request_duration_seconds_bucket");
  assert.equal(
    buckets[0],
    'hookline_request_duration_seconds_bucket{url="http://host/0",le="0.001"} 1',
  );
  assert.equal(
    buckets[2],
    'hookline_request_duration_seconds_bucket{url="http://host/0",le="0.005"} 2',
  );
  assert.equal(
    buckets.at(-1),
    'hookline_request_duration_seconds_bucket{url="http://host/0",le="+Inf"} 3',
  );
  assert.equal(buckets.length, 14);
  assert.deepEqual(of("request_duration_seconds_sum"), [
    'hookline_request_duration_seconds_sum{url="http://host/0"} 20.005',
  ]);
  assert.deepEqual(of("request_duration_seconds_count"), [
    'hookline_request_duration_seconds_count{url="http://host/0"} 3',
  ]);
  assert.equal(of("delivery_delay_seconds_bucket").length, 10);
  assert.deepEqual(of("oldest_event_age_seconds"), [
    'hookline_oldest_event_age_seconds{url="http://host/0"} 60.5',
  ]);
});

Deno.test("metricFamilies of twenty URLs take less than 5 ms of the broker's thread", () => {
  const scrape = figures(20);
  const times = Array.from({ length: 300 }, () => {
    const start = performance.now();
    assert.ok(render(scrape()).length > 100_000);
    return performance.now() - start;
  });
  // The quickest: others may have had the processor in all the others.
  assert.ok(Math.min(...times) < 5, `${Math.min(...times)} ms`);
});

/** Names of metrics in a text, as they are asked for; those of a histogram end in `_bucket`, say. */
const namedIn = (text: string) => new Set(text.match(/\b(?:hookline|process)_\w+/g));

const KNOWN = new Set(
  figures(1)().flatMap(({ name, type }) =>
    type === "histogram" ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
  ),
);

Deno.test("alerts.yml names only metrics that there are", () => {
  const named = namedIn(alerts);
  assert.ok(named.size > 3);
  assert.deepEqual([...named].filter((name) => !KNOWN.has(name)), []);
});

Deno.test("grafana.json asks only for metrics that there are, by labels that they have, and shows nearly all of them", () => {
  const asked = grafana.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const named = namedIn(asked.join("\n"));
  assert.deepEqual([...named].filter((name) => !KNOWN.has(name)), []);
  assert.ok(named.size > 35, `${named.size}`);
  const byName = new Map(figures(1)().map((family) => [family.name, family]));
  for (const expr of asked) {
    for (const [, by = "", inner = ""] of expr.matchAll(/by \(([^)]*)\) \((?:rate\()?(\w+)/g)) {
      const family = byName.get(inner.replace(/_bucket$/, ""));
      const labels = Object.keys(family?.samples[0]?.labels ?? {});
      if (labels.length === 0) continue; // it has no sample here
      const others = by.split(", ").filter((label) =>
        ![...labels, "le", "instance"].includes(label)
      );
      assert.deepEqual(others, [], expr);
    }
  }
  const ids = grafana.panels.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

/** The path of promtool, where it is and may be run. */
const promtool = (): string | undefined => {
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") return undefined;
  if (Deno.permissions.querySync({ name: "env" }).state !== "granted") return undefined;
  if (Deno.permissions.querySync({ name: "read" }).state !== "granted") return undefined;
  const folders = Deno.env.get("PATH")?.split(":") ?? [];
  return folders.map((folder) => `${folder}/promtool`).find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
};

const tool = promtool();

Deno.test({
  name:
    "promtool finds nothing wrong with the metrics and with alerts.yml (left out without promtool)",
  ignore: tool === undefined,
  fn: async () => {
    const run = async (args: ReadonlyArray<string>, input?: string) => {
      const child = new Deno.Command(tool!, { // ignored where it is undefined
        args: [...args],
        stdin: input === undefined ? "null" : "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      if (input !== undefined) {
        const writer = child.stdin.getWriter();
        await writer.write(new TextEncoder().encode(input));
        await writer.close();
      }
      const { code, stdout, stderr } = await child.output();
      return { code, said: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
    };
    assert.deepEqual(await run(["check", "metrics"], render(figures(3)())), { code: 0, said: "" });
    const rules = new URL("../../../config/alerts.yml", import.meta.url).pathname;
    const { code, said } = await run(["check", "rules", rules]);
    assert.equal(code, 0, said);
  },
});
