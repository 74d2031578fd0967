import type { Peer } from "./SocketSink.ts";

/** An address as hook events and logs say it: `127.0.0.1:51234`, `[::1]:51234`. */
export const formatAddress = ({ hostname, port }: Peer): string => {
  const host = hostname.startsWith("::ffff:") && hostname.includes(".")
    ? hostname.slice("::ffff:".length) // an IPv4 client of a listener for both
    : hostname;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
};
