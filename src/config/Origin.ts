/** The origin of a web page as text: `"https://example.com:8443"`. RFC 6454 section 6.2 */

/**
 * Reads an origin; answers it as browsers write it, undefined when it is none.
 *
 * That is a scheme, a host and the port where it is not the scheme's own, in small letters; "null" for a
 * page that has none (a file, a sandbox); an app's pages may have a scheme of their own.
 */
export const parseOrigin = (text: string): string | undefined => {
  if (text === "null") return text;
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]*$/i.test(text)) return undefined;
  if (!/^https?:/i.test(text)) return text.toLowerCase(); // URL calls these opaque
  return URL.canParse(text) ? new URL(text).origin : undefined;
};
