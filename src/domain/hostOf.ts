/** Where a URL's receiver listens, `host:port`, as permissions name it; undefined: it is a file's. */
export const hostOf = (url: string): string | undefined => {
  const { protocol, hostname, port } = new URL(url);
  if (protocol === "file:") return undefined;
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
};
