/** Metrics of the process. */
import type { LastReload } from "../config/Reloaded.ts";
import { VERSION } from "../domain/version.ts";
import { family, one, plain } from "./family.ts";
import type { ProcessFigures } from "./ProcessFigures.ts";
import type { Family } from "./prometheus.ts";

export const processFamilies = (
  { cpuSeconds, residentBytes, startSeconds, delay }: ProcessFigures,
  { isGood, goodAt }: LastReload,
): Array<Family> => [
  {
    name: "hookline_event_loop_delay_seconds",
    type: "summary",
    help: "How late timers are called: quantiles of the last half to whole minute.",
    samples: [
      { labels: { quantile: 0.5 }, value: delay.p50 },
      { labels: { quantile: 0.99 }, value: delay.p99 },
      { suffix: "_sum", labels: {}, value: delay.sum },
      { suffix: "_count", labels: {}, value: delay.count },
    ],
  },
  one("gauge", "event_loop_delay_max_seconds", "The latest of the same time.", delay.max),
  one(
    "gauge",
    "config_last_reload_successful",
    "1 where the last reload, or the start, took both files over; 0 where one was faulty.",
    isGood ? 1 : 0,
  ),
  one(
    "gauge",
    "config_last_reload_success_timestamp_seconds",
    "When both files were taken over the last time, since 1970.",
    goodAt / 1000,
  ),
  family("gauge", "build_info", "1: which version this is.", [
    { labels: { version: VERSION, deno: Deno.version.deno }, value: 1 },
  ]),
  plain("process_cpu_seconds_total", "counter", "User and system time.", cpuSeconds),
  plain("process_resident_memory_bytes", "gauge", "Resident memory.", residentBytes),
  plain("process_start_time_seconds", "gauge", "When it began, since 1970.", startSeconds),
];
