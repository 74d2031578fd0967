/**
 * Whose address it is, as far as fairness goes: an IPv4 address, or the 64-bit prefix of an IPv6 address,
 * since whoever has one of its addresses has them all. (RFC 6177, RFC 4291 section 2.5.4)
 *
 * @param address with a port: `192.0.2.1:51234`, `[2001:db8::1]:51234`
 */
export const sourceOf = (address: string): string => {
  const host = address.slice(0, address.lastIndexOf(":"));
  if (!host.startsWith("[")) return host;
  const [head = "", tail = ""] = host.slice(1, -1).split("::");
  const [before, after] = [groupsOf(head), groupsOf(tail)];
  const zeros = Array<string>(8 - before.length - after.length).fill("0");
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
};

const groupsOf = (part: string): ReadonlyArray<string> => part === "" ? [] : part.split(":");
