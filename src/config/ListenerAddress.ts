/** Where a listener listens, as text: `"0.0.0.0:1883"`. It must never ask the name service: it only reads. */

/** A host and a port. An IPv6 address has no brackets here. */
export interface ListenerAddress {
  readonly hostname: string;
  /** 0: any free port. */
  readonly port: number;
}

/**
 * Reads `"host:port"`, undefined when it is not that.
 *
 * The host is an IPv4 address, an IPv6 address in brackets, a host name, or nothing, which stands
 * for all of the machine's IPv4 addresses.
 */
export const parseListenerAddress = (text: string): ListenerAddress | undefined => {
  const match = /^(.*):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, host = "", digits] = match;
  const port = Number(digits);
  if (port > 65535) return undefined;
  if (host === "") return { hostname: "0.0.0.0", port };
  if (host.startsWith("[")) {
    // The URL parser knows IPv6's grammar, so that it need not be written down once more.
    return host.endsWith("]") && URL.canParse(`http://${host}/`)
      ? { hostname: host.slice(1, -1), port }
      : undefined;
  }
  if (/^[\d.]+$/.test(host)) {
    const bytes = host.split(".");
    const valid = bytes.length === 4 && bytes.every((b) => /^\d{1,3}$/.test(b) && Number(b) < 256);
    return valid ? { hostname: host, port } : undefined;
  }
  return /^[a-z0-9_]([\w.-]*\w)?$/i.test(host) ? { hostname: host, port } : undefined;
};

/** The text that `parseListenerAddress` reads as this address. */
export const formatListenerAddress = ({ hostname, port }: ListenerAddress): string =>
  hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
