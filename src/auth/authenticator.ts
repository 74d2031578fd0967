/**
 * Verifies user names and passwords against `auth.users`. Whoever asks, and however often: it must
 * not take the processor from the clients that are in, and not tell which users there are.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import * as Redacted from "effect/Redacted";
import type { UserSettings } from "../domain/BrokerSettings.ts";
import type { Authenticate } from "../mqtt/ports/Access.ts";
import { equalsPlain, isPasswordHash, verify } from "./PasswordHash.ts";
import { Turns } from "./Turns.ts";

/** Hashes are worked out on threads beside the broker's own, which keeps a core where there are several. */
const atOnce = Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1));

/** Clients that may wait for their verdict; others are told that the server is unavailable. At 70 ms each: 9 s. */
const MAY_WAIT = 128;

const NONE = new Uint8Array(0);

/**
 * Passwords that were found good, as digests under a key of this process: a fleet that comes back
 * costs 3 µs a client and not a hash each, which is 14 clients a second.
 */
class KnownPasswords {
  readonly #key = randomBytes(32);
  /** By the stored hash, which is good for as long as it stands in the file, whosever it is. */
  readonly #digests = new Map<string, Uint8Array>();

  has(stored: Redacted.Redacted<string>, password: Uint8Array): boolean {
    const digest = this.#digests.get(Redacted.value(stored));
    return digest !== undefined && timingSafeEqual(digest, this.#digest(password));
  }

  add(stored: Redacted.Redacted<string>, password: Uint8Array): void {
    this.#digests.set(Redacted.value(stored), this.#digest(password));
  }

  #digest(password: Uint8Array): Uint8Array {
    return createHmac("sha256", this.#key).update(password).digest();
  }
}

/** What outlives a change of users. */
export class Verifications {
  readonly known = new KnownPasswords();
  readonly turns = new Turns(atOnce, MAY_WAIT);
}

export const makeAuthenticator = (
  users: ReadonlyArray<UserSettings>,
  { known, turns } = new Verifications(),
): Authenticate => {
  const passwords = new Map(users.map(({ username, password }) => [username, password]));
  // An unknown user costs what a known one does, or the time to the answer would tell them apart.
  const decoy = users.map(({ password }) => password)
    .find((password) => isPasswordHash(Redacted.value(password)));
  return (username, password, asker) => {
    const own = passwords.get(username);
    if (own === undefined && asker.admitsUnknown) return "unknown";
    const stored = own ?? decoy;
    if (stored === undefined) return "unknown";
    const given = password ?? NONE;
    if (!isPasswordHash(Redacted.value(stored))) {
      return equalsPlain(Redacted.value(stored), given) ? "good" : "bad";
    }
    if (own !== undefined && known.has(own, given)) return "good";
    if (turns.isFull) return "busy";
    return turns.run(() => verify(Redacted.value(stored), given), () => asker.isWaiting).then(
      (isGood) => {
        if (own === undefined) return "unknown";
        if (isGood !== true) return "bad"; // or passed over, and nobody hears it
        known.add(own, given);
        return "good";
      },
    );
  };
};
