/**
 * URLs that events are delivered to: what makes one valid, and how one is shown.
 * A user name and a password in a URL must never reach a message or a log: show URLs by `displayUrl`.
 */
import { displayUrl } from "../domain/displayUrl.ts";
import * as Either from "effect/Either";

/** The URL without surrounding space, or what is wrong with it, in words that hold no secret. */
export const parseEndpointUrl = (text: string): Either.Either<string, string> => {
  const url = text.trim();
  const shown = JSON.stringify(displayUrl(url));
  const parsed = URL.parse(url);
  // The parser repairs "http:host" and "file:name"; what a rule says should be what is meant.
  if (parsed === null || !/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return Either.left(shown);
  switch (parsed.protocol) {
    case "http:":
    case "https:": {
      const wrong = unsendable(url, parsed);
      return wrong === undefined ? Either.right(url) : Either.left(`${shown}, ${wrong}`);
    }
    case "file:":
      if (parsed.host !== "") return Either.left(`${shown}, ${hostOfFile(parsed)}`);
      if (parsed.pathname.endsWith("/")) return Either.left(`${shown}, which is a folder`);
      return Either.right(url);
    default:
      return Either.left(shown);
  }
};

/** What to write instead of a file's URL with a host, which RMQTT leaves out: `file://name/x.log` is /x.log to it. */
const hostOfFile = ({ host, pathname }: URL): string =>
  pathname === "/" || pathname === ""
    ? 'which has a host and no path: write "file:///" and the whole path'
    : `which RMQTT takes for ${pathname}: write "file://${pathname}" for that, or ` +
      `"file:///${host}${pathname}"`;

/** Why no client can send to this http(s) URL, in words that hold no secret; undefined: one can. */
const unsendable = (written: string, parsed: URL): string | undefined => {
  // The parser leaves these out, and takes the path's first part for a host that is not there.
  if (/[\t\r\n]/.test(written)) return "with a tab or a line end in it";
  if (/^https?:\/\/[/\\]/i.test(written)) return "which names no host";
  if (/^https?:\/\/[^/?#]*\\/i.test(written)) return "with a backslash before its path";
  return hostFault(parsed.hostname) ??
    (parsed.port === "0" ? "whose port is 0: a number from 1 to 65535 is one" : undefined) ??
    userFault(parsed);
};

/** The parser takes more for a host than names can be. RFC 1035 section 2.3.4, RFC 1123 section 2.1 */
const hostFault = (host: string): string | undefined => {
  if (host.startsWith("[")) return undefined;
  const name = host.replace(/\.$/, "");
  const labels = name.split(".");
  if (labels.includes("")) return "whose host has an empty label between its dots";
  if (!/^[\w.-]+$/.test(name)) {
    return "whose host has a character other than letters, digits, hyphen, underscore and dot";
  }
  if (labels.some((label) => label.length > 63)) return "whose host has a label over 63 characters";
  return name.length > 253 ? "whose host has over 253 characters" : undefined;
};

/** What Basic authorization cannot carry. RFC 7617 section 2 */
const userFault = ({ username, password }: URL): string | undefined => {
  for (const [part, name] of [[username, "user"], [password, "password"]] as const) {
    if (/%(?![0-9a-f]{2})/i.test(part)) {
      return `whose ${name} has a "%" without two hexadecimal digits ("%25" is a "%")`;
    }
    const bytes = Uint8Array.from(
      part.replaceAll(/%(..)/g, (_, hex) => String.fromCharCode(parseInt(hex, 16))),
      (c) => c.charCodeAt(0),
    );
    const text = decodeUtf8(bytes);
    if (text === undefined) return `whose ${name} is not UTF-8`;
    // deno-lint-ignore no-control-regex -- these are meant
    if (/[\x00-\x1f\x7f]/.test(text)) return `whose ${name} has a control character`;
    if (name === "user" && text.includes(":")) return "whose user has a colon, which ends it";
  }
  return undefined;
};

const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};
