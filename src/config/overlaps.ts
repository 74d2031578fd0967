/**
 * Which listeners cannot be bound beside each other, whatever they speak. It must never ask the name
 * service: a host name is only known to be the same as itself, and `localhost` to be 127.0.0.1.
 */
import type { ListenerAddress } from "./ListenerAddress.ts";

/** Whether the second could not be bound while the first is. Port 0 is any free one: it never overlaps. */
export const overlap = (a: ListenerAddress, b: ListenerAddress): boolean => {
  if (a.port === 0 || a.port !== b.port) return false;
  const [one, other] = [placeOf(a.hostname), placeOf(b.hostname)];
  return one === other || isAll(one, other) || isAll(other, one);
};

const ALL_4 = "0.0.0.0";
const ALL = "::";

/** Whether `wide` stands for an address that `other` is, too. Deno's `[::]` takes IPv4 clients as well. */
const isAll = (wide: string, other: string): boolean =>
  wide === ALL || wide === ALL_4 && !other.includes(":");

/** One text for each address. */
const placeOf = (hostname: string): string => {
  const host = hostname.toLowerCase().replace(/\.$/, "");
  if (host === "localhost") return "127.0.0.1";
  if (!host.includes(":")) {
    return /^[\d.]+$/.test(host) ? host.split(".").map(Number).join(".") : host;
  }
  const canonical = new URL(`http://[${host}]/`).hostname.slice(1, -1); // parseListenerAddress took it
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical);
  if (mapped === null) return canonical;
  // An IPv4 address in IPv6's clothes. RFC 4291 section 2.5.5.2
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)]; // it matched
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
};
