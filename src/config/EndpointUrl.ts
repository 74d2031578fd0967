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
    case "https:":
      return Either.right(url);
    case "file:":
      if (parsed.host !== "") return Either.left(`${shown}, whose path is not absolute`);
      if (parsed.pathname.endsWith("/")) return Either.left(`${shown}, which is a folder`);
      return Either.right(url);
    default:
      return Either.left(shown);
  }
};
