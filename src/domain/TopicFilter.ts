/**
 * MQTT topic filters: validity and matching, one pair at a time.
 *
 * Sources: MQTT 3.1.1 section 4.7, MQTT 5.0 sections 4.7 and 4.8.2. For matching one topic against
 * many filters at once see `mqtt/routing/TopicTree.ts`.
 */

/** Whether `filter` is well-formed: `#` only as the whole last level, `+` only as a whole level. [MQTT-4.7.1-1] [MQTT-4.7.1-2] */
export const isTopicFilter = (filter: string): boolean => {
  const length = filter.length;
  if (length === 0) return false;
  for (let i = 0; i < length; i++) {
    const c = filter.charCodeAt(i);
    if (c === 0) return false;
    if (c !== PLUS && c !== HASH) continue;
    if (i > 0 && filter.charCodeAt(i - 1) !== SLASH) return false;
    if (
      c === HASH ? i !== length - 1 : i < length - 1 && filter.charCodeAt(i + 1) !== SLASH
    ) {
      return false;
    }
  }
  return true;
};

/** Whether a message can have this topic: not empty, without wildcards and U+0000, and no longer than a string of MQTT. [MQTT-4.7.1-1] [MQTT-4.7.3-1] [MQTT-4.7.3-2] [MQTT-4.7.3-3] */
export const isTopicName = (topic: string): boolean =>
  topic !== "" && !/[+#\0]/.test(topic) && topic.isWellFormed() &&
  new TextEncoder().encode(topic).length <= 65535;

/** How many levels a topic or filter has: `"a/b"` has 2, `"/"` has 2. */
export const levelCount = (topic: string): number => {
  let levels = 1;
  for (let i = 0; i < topic.length; i++) {
    if (topic.charCodeAt(i) === SLASH) levels++;
  }
  return levels;
};

/** Whether a topic or filter has more levels than `most`; 0: no limit. */
export const isTooDeep = (topic: string, most: number): boolean =>
  most > 0 && levelCount(topic) > most;

/** Whether a topic is one of those in which a server tells of itself. MQTT 5.0 section 4.7.2 */
export const isServerTopic = (topic: string): boolean =>
  topic.charCodeAt(0) === DOLLAR && (topic === "$SYS" || topic.startsWith("$SYS/"));

/**
 * Whether `topic` matches `filter`. Both must be valid. A filter that begins with a wildcard does
 * not match a topic that begins with `$`. [MQTT-4.7.2-1] `a/#` matches `a` too: section 4.7.1.2.
 */
export const matches = (filter: string, topic: string): boolean => {
  const first = filter.charCodeAt(0);
  if (topic.charCodeAt(0) === DOLLAR && (first === PLUS || first === HASH)) {
    return false;
  }
  let f = 0;
  let t = 0;
  for (;;) {
    const c = filter.charCodeAt(f); // NaN at the end
    if (c === HASH) return true;
    if (c === PLUS) {
      f++;
      while (t < topic.length && topic.charCodeAt(t) !== SLASH) t++;
    } else {
      // One level, character by character: up to a slash or the end of either.
      while (f < filter.length && filter.charCodeAt(f) !== SLASH) {
        if (filter.charCodeAt(f) !== topic.charCodeAt(t)) return false;
        f++;
        t++;
      }
      if (t < topic.length && topic.charCodeAt(t) !== SLASH) return false;
    }
    // Both stand at the end of a level.
    const filterEnds = f === filter.length;
    if (t === topic.length) return filterEnds || filter.slice(f) === "/#";
    if (filterEnds) return false;
    f++;
    t++;
  }
};

/** A subscription's filter, with the share name taken off `$share/{name}/{filter}`. */
export interface ParsedFilter {
  readonly share: string | undefined;
  readonly filter: string;
}

/**
 * Takes a SUBSCRIBE's topic filter apart, or answers undefined when it is malformed. A share name is
 * at least one character and has no `/`, `+` or `#`. [MQTT-4.8.2-1] [MQTT-4.8.2-2]
 */
export const parseFilter = (filter: string): ParsedFilter | undefined => {
  if (!filter.startsWith("$share/") && filter !== "$share") {
    return isTopicFilter(filter) ? { share: undefined, filter } : undefined;
  }
  const end = filter.indexOf("/", 7);
  if (end <= 7) return undefined;
  const share = filter.slice(7, end);
  const rest = filter.slice(end + 1);
  if (share.includes("+") || share.includes("#") || !isTopicFilter(rest)) {
    return undefined;
  }
  return { share, filter: rest };
};

const PLUS = 0x2b;
const HASH = 0x23;
const SLASH = 0x2f;
const DOLLAR = 0x24;
