/** The URL as messages show it: without user name and password. */
export const displayUrl = (url: string): string => {
  const parsed = URL.parse(url);
  if (parsed === null || !url.includes("//")) {
    // No URL: nobody knows where its password ends, so all up to the last "@" is hidden.
    return url.replace(/^(.*?\/\/)?.*@/s, "$1");
  }
  if (parsed.username === "" && parsed.password === "") return url;
  // Userinfo ends at the last "@" of the authority (WHATWG URL, authority state).
  return url.replace(/^([^/]*\/\/)[^/?#]*@/, "$1");
};
