/**
 * Who may publish and subscribe to what: an ordered list of which the first rule that applies decides;
 * none applies: allowed.
 *
 * A subscription is denied when it *could* bring a denied topic (`#` against a denied `secret/#`), and
 * allowed by a rule only when that rule covers all that it could bring. In doubt it is "no": to deny
 * `#` denies `$` topics too, to allow `#` does not allow them. The client's names fill `%c` and `%u` as
 * plain text: a client that calls itself `+` gains nothing.
 */
import type { AclRule } from "../domain/BrokerSettings.ts";
import { parseFilter } from "../domain/TopicFilter.ts";
import type { Authorize } from "../mqtt/ports/Access.ts";
import type { ClientInfo } from "../domain/ClientInfo.ts";

const PLUS = Symbol("+");
const HASH = Symbol("#");
type Level = string | typeof PLUS | typeof HASH;

interface CompiledRule extends Omit<AclRule, "topics"> {
  readonly topics: ReadonlyArray<ReadonlyArray<Level>>;
}

const levelsOf = (filter: string): ReadonlyArray<Level> =>
  filter.split("/").map((level) => level === "+" ? PLUS : level === "#" ? HASH : level);

const filledIn = (level: Level, client: ClientInfo): Level =>
  typeof level === "string" && level.includes("%")
    ? level.replace(/%[cu]/g, (name) => name === "%c" ? client.clientid : client.username)
    : level;

/** Whether every topic that `inner` matches is matched by `outer`. */
const covers = (outer: ReadonlyArray<Level>, inner: ReadonlyArray<Level>): boolean => {
  if (hiddenFrom(outer[0], inner[0])) return false;
  for (const [i, level] of outer.entries()) {
    if (level === HASH) return true;
    const other = inner[i];
    if (other === undefined || other === HASH) return false;
    if (level !== PLUS && level !== other) return false;
  }
  return inner.length === outer.length;
};

/** Whether some topic that `wanted` matches is one of the denied. */
const overlap = (denied: ReadonlyArray<Level>, wanted: ReadonlyArray<Level>): boolean => {
  if (hiddenFrom(wanted[0], denied[0])) return false;
  for (let i = 0;; i++) {
    const left = denied[i];
    const right = wanted[i];
    if (left === HASH || right === HASH) return true;
    if (left === undefined || right === undefined) return left === right;
    if (left !== PLUS && right !== PLUS && left !== right) return false;
  }
};

/** A leading wildcard does not reach `$` topics. [MQTT-4.7.2-1] */
const hiddenFrom = (wildcard: Level | undefined, level: Level | undefined): boolean =>
  typeof wildcard === "symbol" && typeof level === "string" && level.startsWith("$");

/** Answers by the rules, in their order. A subscription to `$share/name/filter` is judged by its filter. */
export const makeAuthorizer = (rules: ReadonlyArray<AclRule>): Authorize => {
  const compiled: ReadonlyArray<CompiledRule> = rules.map((rule) => ({
    ...rule,
    topics: rule.topics.map(levelsOf),
  }));
  return (client, action, topic) => {
    if (compiled.length === 0) return true;
    const filter = action === "subscribe" ? parseFilter(topic)?.filter ?? topic : topic;
    const levels = levelsOf(filter);
    for (const rule of compiled) {
      if (rule.action !== "all" && rule.action !== action) continue;
      if (rule.user !== undefined && rule.user !== client.username) continue;
      if (rule.clientid !== undefined && rule.clientid !== client.clientid) continue;
      const applies = rule.topics.length === 0 || rule.topics.some((topic) => {
        const filled = topic.map((level) => filledIn(level, client));
        return rule.permit === "deny" ? overlap(filled, levels) : covers(filled, levels);
      });
      if (applies) return rule.permit === "allow";
    }
    return true;
  };
};
