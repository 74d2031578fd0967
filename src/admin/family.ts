/** How families of metrics are put together. */
import type { HistogramSnapshot } from "../webhook/account/Histogram.ts";
import type { Family, Labels, Sample } from "./prometheus.ts";

/** A family of ours. */
export const family = (
  type: "counter" | "gauge",
  name: string,
  help: string,
  samples: ReadonlyArray<Sample>,
): Family => ({ name: `hookline_${name}`, type, help, samples });

/** A family of one number. Undefined: there is none now. */
export const one = (
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: number | undefined,
): Family => family(type, name, help, value === undefined ? [] : [{ labels: {}, value }]);

/** A metric under the name that all programs give it. */
export const plain = (
  name: string,
  type: "counter" | "gauge",
  help: string,
  value: number | undefined,
): Family => ({ name, type, help, samples: value === undefined ? [] : [{ labels: {}, value }] });

/** A sample for each. */
export const byLabel = <Key>(
  counts: Iterable<readonly [Key, number]>,
  labels: (key: Key) => Labels,
): ReadonlyArray<Sample> => Array.from(counts, ([key, value]) => ({ labels: labels(key), value }));

/** A histogram of milliseconds as one of seconds; each range holds those below it, too. */
export const histogram = (
  name: string,
  help: string,
  of: ReadonlyArray<readonly [Labels, HistogramSnapshot]>,
): Family => ({
  name: `hookline_${name}`,
  type: "histogram",
  help,
  samples: of.flatMap(([labels, { ends, counts, sum }]) => {
    let value = 0;
    const buckets = Array.from(counts, (count, place): Sample => {
      value += count;
      const le = place < ends.length ? ends[place]! / 1000 : "+Inf"; // below the length
      return { suffix: "_bucket", labels: { ...labels, le }, value };
    });
    return [
      ...buckets,
      { suffix: "_sum", labels, value: sum / 1000 },
      { suffix: "_count", labels, value },
    ];
  }),
});
