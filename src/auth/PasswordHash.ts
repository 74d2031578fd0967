/**
 * Password hashes: making one, and checking what a client sent against a stored one.
 *
 * scrypt (RFC 7914) because it is in the platform and costs an attacker memory. It runs on a thread
 * of the runtime: nothing here may block the event loop, and no answer may come faster or slower by
 * how much of a password was right.
 */
import { Buffer } from "node:buffer";
import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";

/** A hash taken apart. */
export interface PasswordHash {
  /** Base 2 logarithm of the cost N. */
  readonly ln: number;
  /** Block size. */
  readonly r: number;
  /** Parallelization. */
  readonly p: number;
  readonly salt: Uint8Array;
  readonly key: Uint8Array;
}

/** 32 MiB and 60 to 90 ms where this was written; less would make guessing cheap, more makes a connect slow. */
const COST = { ln: 15, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** N x r x p of the most expensive hash accepted: ln=17, r=8, p=1, which takes 128 MiB and 0.4 s. */
const MOST_EXPENSIVE = 2 ** 20;

/** Whether a stored password is meant as a hash rather than as plain text. */
export const isPasswordHash = (stored: string): boolean => stored.startsWith("$scrypt$");

/** Makes the hash to store for a password: `$scrypt$ln=15,r=8,p=1$salt$key`, base64 without padding. */
export const hash = async (password: string): Promise<string> => {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(new TextEncoder().encode(password), { ...COST, salt }, KEY_BYTES);
  return `$scrypt$ln=${COST.ln},r=${COST.r},p=${COST.p}$${unpadded(salt)}$${unpadded(key)}`;
};

/**
 * Whether `given` is the password that `stored` stands for: a hash, or else plain text.
 *
 * A malformed hash matches nothing. At the default cost a call holds 32 MiB, and a thread of the
 * runtime: how many run at the same time is for the caller to limit.
 */
export const verify = async (stored: string, given: Uint8Array): Promise<boolean> => {
  if (!isPasswordHash(stored)) return equalsPlain(stored, given);
  const parsed = parsePasswordHash(stored);
  if (parsed === undefined) return false;
  return timingSafeEqual(await derive(given, parsed, parsed.key.length), parsed.key);
};

/** Whether `given` is the plain text `stored`. */
export const equalsPlain = (stored: string, given: Uint8Array): boolean =>
  // Digests, because timingSafeEqual wants equal lengths and would tell the length by refusing.
  timingSafeEqual(sha256(new TextEncoder().encode(stored)), sha256(given));

/** Takes a hash apart; undefined when it is malformed, too weak to be meant, or too expensive to be run. */
export const parsePasswordHash = (stored: string): PasswordHash | undefined => {
  const match = FORMAT.exec(stored);
  if (match === null) return undefined;
  const [ln = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  const [salt, key] = match.slice(4).map(fromUnpadded);
  // RFC 7914 section 2: N over 1 and under 2^(16 r), p at most (2^32 - 1) / (4 r).
  if (ln < 1 || r < 1 || p < 1 || ln >= 16 * r) return undefined;
  if (2 ** ln * r * p > MOST_EXPENSIVE) return undefined;
  if (salt === undefined || salt.length < 8 || salt.length > 64) return undefined;
  if (key === undefined || key.length < 16 || key.length > 64) return undefined;
  return { ln, r, p, salt, key };
};

const FORMAT =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,4}),p=(\d{1,4})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

const derive = (
  password: Uint8Array,
  { ln, r, p, salt }: Omit<PasswordHash, "key">,
  length: number,
): Promise<Uint8Array> => {
  const N = 2 ** ln;
  // What scrypt needs (RFC 7914 section 5), and room for what the implementation adds.
  const maxmem = 2 * 128 * r * (N + p);
  return new Promise((resolve, reject) =>
    scrypt(password, salt, length, { N, r, p, maxmem }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    })
  );
};

const sha256 = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();

const unpadded = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString("base64").replace(/=+$/, "");

const fromUnpadded = (text: string): Uint8Array | undefined => {
  const bytes = Buffer.from(text, "base64");
  return unpadded(bytes) === text ? bytes : undefined;
};
