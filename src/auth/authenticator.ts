/**
 * Verifies user names and passwords against `auth.users`. Whoever asks, and however often: it must
 * not take the processor from the clients that are in, nor its turn from another that asks, and not tell
 * which users there are.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import * as Redacted from "effect/Redacted";
import type { UserSettings } from "../domain/BrokerSettings.ts";
import type { Authenticate } from "../mqtt/ports/Access.ts";
import { equalsPlain, isPasswordHash, verify } from "./PasswordHash.ts";
import { sourceOf } from "../domain/sourceOf.ts";
import { Turns } from "./Turns.ts";

/** Hashes are worked out on threads beside the broker's own, which keeps a core where there are several. */
const AT_ONCE = Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1));

/** Clients of known names that may wait for their verdict; more are told that the server is unavailable. At 70 ms each: 9 s. */
const MAY_WAIT = 128;

/** Of how many checks it is known how long they took. */
const REMEMBERED = 16;

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

/** Password checks, and what looks like one from outside. */
class Checks {
  /** How long the last ones took, in milliseconds. */
  readonly #took: Array<number> = [];

  async make(stored: string, given: Uint8Array): Promise<boolean> {
    const began = performance.now();
    const isGood = await verify(stored, given);
    if (this.#took.push(performance.now() - began) > REMEMBERED) this.#took.shift();
    return isGood;
  }

  /** Takes as long as one of the last checks took: any of them, since always the same would be told apart. */
  async pretend(): Promise<boolean> {
    // Another check ran when this one came to wait, so that there is one.
    const took = this.#took[Math.floor(Math.random() * this.#took.length)] ?? 0;
    await new Promise((resolve) => setTimeout(resolve, took));
    return false;
  }
}

/** What outlives a change of users. */
export class Verifications {
  readonly known = new KnownPasswords();
  readonly turns = new Turns(AT_ONCE, MAY_WAIT);
  readonly checks = new Checks();
}

export const makeAuthenticator = (
  users: ReadonlyArray<UserSettings>,
  { known, turns, checks } = new Verifications(),
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
    const turn = {
      address: sourceOf(asker.address),
      name: username,
      // Its answer is known: it waits for its turn as the others do, and takes it from none.
      takesPlace: own !== undefined,
      isWanted: () => asker.isWaiting,
    };
    return turns.run(
      turn,
      (place) => place === "own" ? checks.make(Redacted.value(stored), given) : checks.pretend(),
    ).then(
      (isGood) => {
        if (own === undefined) return "unknown";
        if (isGood === undefined) return "busy"; // or passed over, and nobody hears it
        if (!isGood) return "bad";
        known.add(own, given);
        return "good";
      },
    );
  };
};
