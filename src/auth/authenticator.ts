/** Verifies user names and passwords against `auth.users`. Passwords are compared in constant time. */
import * as Redacted from "effect/Redacted";
import type { UserSettings } from "../domain/BrokerSettings.ts";
import type { Authenticate } from "../mqtt/Broker.ts";
import { verify } from "./PasswordHash.ts";

const none = new Uint8Array(0);

export const makeAuthenticator = (users: ReadonlyArray<UserSettings>): Authenticate => {
  const passwords = new Map(users.map(({ username, password }) => [username, password]));
  return (username, password) => {
    const stored = passwords.get(username);
    if (stored === undefined) return "unknown";
    return verify(Redacted.value(stored), password ?? none)
      .then((good) => good ? "good" : "bad");
  };
};
