/** Whether a topic filter in a frame is well formed, by its bytes, before anything of its packet is done. MQTT 5.0 section 4.7 */
import { malformed, protocolError } from "./MqttError.ts";

/**
 * Checks the filter of the bytes from `from` to `to`: UTF-8, and not empty.
 * @throws MqttError when it breaks a rule: 0x82 where a part is missing, else 0x81
 */
export const checkTopicFilter = (frame: Uint8Array, from: number, to: number): void => {
  let begin = from;
  if (isShared(frame, from, to)) {
    const name = from + SHARE_PREFIX.length;
    let slash = name;
    while (slash < to && frame[slash] !== SLASH) {
      if (isWildcard(frame[slash])) throw malformed("wildcard in a share name"); // [MQTT-4.8.2-2]
      slash++;
    }
    if (slash === name) throw protocolError("share name is missing"); // [MQTT-4.8.2-1]
    begin = slash + 1;
    if (begin >= to) throw protocolError("topic filter is missing behind a share name"); // [MQTT-4.8.2-2]
  }
  for (let i = begin; i < to; i++) {
    const c = frame[i];
    if (!isWildcard(c)) continue;
    const isLevel = (i === begin || frame[i - 1] === SLASH) &&
      (i === to - 1 || c === PLUS && frame[i + 1] === SLASH);
    if (!isLevel) throw malformed("misplaced wildcard in a topic filter"); // [MQTT-4.7.1-1] [MQTT-4.7.1-2]
  }
};

/** Whether the bytes begin as the filter of a shared subscription does. [MQTT-4.8.2-1] */
export const isShared = (frame: Uint8Array, from: number, to: number): boolean =>
  frame[from] === DOLLAR && to - from >= SHARE_PREFIX.length &&
  SHARE_PREFIX.every((byte, i) => frame[from + i] === byte);

const SHARE_PREFIX = new TextEncoder().encode("$share/");

const isWildcard = (c: number | undefined): boolean => c === PLUS || c === HASH;

const SLASH = 0x2f;
const PLUS = 0x2b;
const HASH = 0x23;
const DOLLAR = 0x24;
