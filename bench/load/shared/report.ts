/** Figures as a table to read and as JSON to compare. */
import { readProc } from "./processUsage.ts";
import { repository } from "./ServerProcess.ts";

/** A figure in three significant digits, with its thousands set apart. */
export const formatFigure = (figure: number): string =>
  figure.toLocaleString("en-US", { maximumSignificantDigits: 3 });

/** A Markdown table with aligned columns; the first column is text, the others are figures. */
export const formatTable = (
  head: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string => {
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length))
  );
  const line = (cells: ReadonlyArray<string>) =>
    `| ${
      widths.map((width, i) =>
        i === 0 ? (cells[i] ?? "").padEnd(width) : (cells[i] ?? "").padStart(width)
      ).join(" | ")
    } |`;
  const rule = widths.map((width, i) => i === 0 ? "-".repeat(width) : "-".repeat(width - 1) + ":");
  return [line(head), line(rule), ...rows.map(line)].join("\n");
};

/** Writes `bench/results/<name>.json`, with the machine and the time of the run; answers the path. */
export const writeResults = async (name: string, results: unknown): Promise<string> => {
  const folder = `${repository}bench/results`;
  await Deno.mkdir(folder, { recursive: true });
  const cpu = /^model name\s*: (.*)$/m.exec(readProc("cpuinfo"))?.[1];
  const machine = { cpu, cores: navigator.hardwareConcurrency, deno: Deno.version.deno };
  const path = `${folder}/${name}.json`;
  await Deno.writeTextFile(
    path,
    JSON.stringify({ at: new Date().toISOString(), machine, results }, null, 2) + "\n",
  );
  return path;
};
