import { PacketType } from "./PacketType.ts";

/** What is spoken by a client whose first bytes are none of MQTT, in words for the log; undefined: not known. */
export const strangerIn = (bytes: Uint8Array): string | undefined => {
  if (bytes[0] === PacketType.CONNECT << 4) return undefined;
  // A handshake record of SSL 3.0 or later. RFC 8446 section 5.1
  if (bytes[0] === 0x16 && bytes[1] === 3) return "speaks TLS to a listener without";
  const begin = String.fromCharCode(...bytes.subarray(0, 8));
  return /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) /.test(begin)
    ? "speaks HTTP to an MQTT listener"
    : undefined;
};
