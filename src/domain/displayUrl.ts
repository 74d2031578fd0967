/** The URL as messages show it: without user name and password, and with `***` for what its query says. */
export const displayUrl = (url: string): string =>
  withoutUser(url).replace(
    /\?[^#]*/,
    (query) => query.replace(/([?&])([^=&]+=)?[^&]+/g, "$1$2***"),
  );

/** What a URL is called that has no name of its own: the same without the query. */
export const nameOfUrl = (url: string): string => withoutUser(url).replace(/\?[^#]*/, "");

const withoutUser = (url: string): string => {
  const parsed = URL.parse(url);
  if (parsed === null || !url.includes("//")) {
    // No URL: nobody knows where its password ends, so all up to the last "@" is hidden.
    return url.replace(/^(.*?\/\/)?.*@/s, "$1");
  }
  if (parsed.username === "" && parsed.password === "") return url;
  // Userinfo ends at the last "@" of the authority (WHATWG URL, authority state).
  return url.replace(/^([^/]*\/\/)[^/?#]*@/, "$1");
};
