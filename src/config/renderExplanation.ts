/** What `--explain` prints: what `explain` found, as a person reads it. */
import type { Explanation } from "../domain/explain.ts";
import type { HookEventName } from "../domain/HookEvent.ts";

/** Several lines without a last line end. */
export const renderExplanation = (
  event: HookEventName,
  topic: string | undefined,
  rules: ReadonlyArray<Explanation>,
): string => {
  const what = topic === undefined ? event : `${event} ${JSON.stringify(topic)}`;
  const urls = new Set(rules.filter((rule) => rule.matches).flatMap((rule) => rule.urls));
  const head = rules.length === 0
    ? `${what} goes nowhere: no rule is for ${event}`
    : urls.size === 0
    ? `${what} goes nowhere: no rule matches`
    : `${what} goes to ${[...urls].join(", ")}`;
  return [head, ...rules.map((rule) => `  ${lineOf(event, rule)}`)].join("\n");
};

const lineOf = (
  event: HookEventName,
  { rule, action, urls, matches, why }: Explanation,
): string => {
  const as = action === event ? "" : ` as ${action}`;
  return `rule.${event}[${rule}] ${matches ? "sends it" : "does not send it"}${as} to ` +
    `${urls.join(", ")}: ${why}`;
};
