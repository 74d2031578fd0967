/**
 * Who may publish and subscribe to what, and be sent what: an ordered list of which the first rule that
 * applies decides; none applies: allowed.
 *
 * A subscription is denied when it *could* bring a denied topic (`#` against a denied `secret/#`), and
 * allowed by a rule only when that rule covers all that it could bring. In doubt it is "no": to deny
 * `#` denies `$` topics too, to allow `#` does not allow them. The client's names fill `%c` and `%u` as
 * plain text: a client that calls itself `+` gains nothing. A name with a `/` in it stands for several
 * levels of what is denied, and for none that could be allowed: whoever calls himself `bob/x` gets nothing
 * that is bob's.
 */
import type { AclRule } from "../domain/BrokerSettings.ts";
import type { ClientInfo } from "../domain/ClientInfo.ts";
import { parseFilter } from "../domain/TopicFilter.ts";
import type { Access, AccessAction, Receiving } from "../mqtt/ports/Access.ts";

const PLUS = Symbol("+");
const HASH = Symbol("#");
type Level = string | typeof PLUS | typeof HASH;
type Levels = ReadonlyArray<Level>;

/** Levels of a name that are looked at: what is denied to a deeper one is all below them, and costs no more. */
const MOST_LEVELS = 128;

interface CompiledRule extends Omit<AclRule, "topics"> {
  /** Undefined: all topics. */
  readonly topics: ReadonlyArray<Levels> | undefined;
  /** Whether it says the same of all clients that it is about: it has no `%c` and no `%u`. */
  readonly isFilledIn: boolean;
}

const levelsOf = (filter: string): Levels =>
  filter.split("/").map((level) => level === "+" ? PLUS : level === "#" ? HASH : level);

const hasPlaceholder = (level: Level): level is string =>
  typeof level === "string" && /%[cu]/.test(level);

const filledIn = (levels: Levels, permit: AclRule["permit"], client: ClientInfo): Levels =>
  levels.flatMap((level): Levels => {
    if (!hasPlaceholder(level)) return [level];
    const text = level.replace(
      /%[cu]/g,
      (name) => name === "%c" ? client.clientid : client.username,
    );
    if (permit === "allow") return [text];
    const own = text.split("/", MOST_LEVELS + 1);
    return own.length <= MOST_LEVELS ? own : [...own.slice(0, MOST_LEVELS), HASH];
  });

const filledInRule = (rule: CompiledRule, client: ClientInfo): CompiledRule =>
  rule.isFilledIn ? rule : {
    ...rule,
    topics: rule.topics?.map((topic) => filledIn(topic, rule.permit, client)),
    isFilledIn: true,
  };

/** Whether it may keep a message from somebody who has subscribed. */
const deniesReceiving = ({ permit, action }: CompiledRule): boolean =>
  permit === "deny" && action !== "publish";

const isAbout = (rule: CompiledRule, client: ClientInfo, action: AccessAction): boolean =>
  (rule.action === "all" || rule.action === action) &&
  (rule.user === undefined || rule.user === client.username) &&
  (rule.clientid === undefined || rule.clientid === client.clientid);

/** Whether every topic that `inner` matches is matched by `outer`. */
const covers = (outer: Levels, inner: Levels): boolean => {
  if (hiddenFrom(outer[0], inner[0])) return false;
  for (let i = 0; i < outer.length; i++) {
    const level = outer[i];
    if (level === HASH) return true;
    const other = inner[i];
    if (other === undefined || other === HASH) return false;
    if (level !== PLUS && level !== other) return false;
  }
  return inner.length === outer.length;
};

/** Whether some topic that `wanted` matches is one of the denied. */
const overlap = (denied: Levels, wanted: Levels): boolean => {
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

/** Whether the rule decides about what `levels` matches. */
const applies = ({ permit, topics }: CompiledRule, levels: Levels): boolean => {
  if (topics === undefined) return true;
  for (const topic of topics) {
    if (permit === "deny" ? overlap(topic, levels) : covers(topic, levels)) return true;
  }
  return false;
};

/** Answers by the rules, in their order. A subscription to `$share/name/filter` is judged by its filter. */
export const makeAuthorizer = (
  rules: ReadonlyArray<AclRule>,
): Pick<Access, "authorize" | "receiving"> => {
  const compiled = rules.map((rule): CompiledRule => ({
    ...rule,
    topics: rule.topics.length === 0 ? undefined : rule.topics.map(levelsOf),
    isFilledIn: !rule.topics.some((topic) => levelsOf(topic).some(hasPlaceholder)),
  }));
  // One message goes to many: its topic is taken apart for the first of them.
  let lastTopic = "";
  let lastLevels: Levels = [];
  const receiving: Receiving = (client) => {
    const own = compiled.filter((rule) => isAbout(rule, client, "subscribe"))
      .map((rule) => filledInRule(rule, client));
    if (!own.some(deniesReceiving)) return undefined;
    return (topic) => {
      if (topic !== lastTopic) {
        lastTopic = topic;
        lastLevels = topic.split("/");
      }
      for (const rule of own) if (applies(rule, lastLevels)) return rule.permit === "allow";
      return true;
    };
  };
  return {
    authorize: (client, action, topic) => {
      if (compiled.length === 0) return true;
      const filter = action === "subscribe" ? parseFilter(topic)?.filter ?? topic : topic;
      const levels = levelsOf(filter);
      for (const rule of compiled) {
        if (!isAbout(rule, client, action)) continue;
        if (applies(filledInRule(rule, client), levels)) return rule.permit === "allow";
      }
      return true;
    },
    receiving: compiled.some(deniesReceiving) ? receiving : undefined,
  };
};
