/**
 * HMAC-SHA256 (RFC 2104 over FIPS 180-4) of what comes in parts. For messages of a webhook's size its cost is
 * that of the calls: node:crypto takes 25 µs of CPU time for 260 bytes, WebCrypto more and a promise, this 4 µs
 * (bench/micro/signing.bench.ts), since the key's part is computed once and nothing is allocated. Native code
 * is the faster one from about 4 KB on, and does it then; until then a worker does without it, at 10 MB less.
 */

/** Bytes of a block. */
const BLOCK = 64;
/** Bytes of a code. */
const CODE = 32;
/** Bytes of a message from which on native code is the faster one. */
const NATIVE_FROM = 4096;

/** A part of a message. */
export interface MessagePart {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

export class HmacSha256 {
  readonly #key: Uint8Array;
  /** The states behind the key's own blocks. */
  readonly #inner = Int32Array.from(INITIAL);
  readonly #outer = Int32Array.from(INITIAL);
  readonly #state = new Int32Array(8);
  readonly #block = new Uint8Array(BLOCK);
  readonly #code = new Uint8Array(CODE);

  /** @param key at most 64 bytes; a longer one would have to be hashed first */
  constructor(key: Uint8Array) {
    if (key.length > BLOCK) throw new RangeError(`a key of ${key.length} bytes`);
    this.#key = key;
    const block = new Uint8Array(BLOCK);
    for (const [state, pad] of [[this.#inner, 0x36], [this.#outer, 0x5c]] as const) {
      block.fill(pad);
      for (let i = 0; i < key.length; i++) block[i]! ^= key[i]!; // i < length, of both
      compress(state, block, 0);
    }
  }

  /** The code of the parts, one behind the other: 32 bytes, valid until the next call. */
  code(parts: ReadonlyArray<MessagePart>): Uint8Array {
    let length = 0;
    for (const { from, to } of parts) length += to - from;
    return length < NATIVE_FROM ? this.#compute(parts, length) : this.#computeNatively(parts);
  }

  #compute(parts: ReadonlyArray<MessagePart>, length: number): Uint8Array {
    const state = this.#state;
    const block = this.#block;
    state.set(this.#inner);
    let filled = 0;
    for (const { bytes, from, to } of parts) {
      let at = from;
      while (at < to) {
        if (filled === 0 && to - at >= BLOCK) {
          compress(state, bytes, at);
          at += BLOCK;
          continue;
        }
        const end = Math.min(to, at + BLOCK - filled);
        while (at < end) block[filled++] = bytes[at++]!; // at < to
        if (filled < BLOCK) continue;
        compress(state, block, 0);
        filled = 0;
      }
    }
    this.#finish(filled, length);
    for (let i = 0; i < 8; i++) writeWord(block, 4 * i, state[i]!); // eight words
    state.set(this.#outer);
    this.#finish(CODE, CODE);
    for (let i = 0; i < 8; i++) writeWord(this.#code, 4 * i, state[i]!);
    return this.#code;
  }

  /** Ends the message whose last `filled` bytes are in the block. (FIPS 180-4 section 5.1.1) */
  #finish(filled: number, length: number): void {
    const block = this.#block;
    block[filled++] = 0x80;
    if (filled > BLOCK - 8) {
      block.fill(0, filled);
      compress(this.#state, block, 0);
      filled = 0;
    }
    block.fill(0, filled);
    writeWord(block, BLOCK - 4, 8 * (BLOCK + length)); // in bits, the key's block included; below 2^32
    compress(this.#state, block, 0);
  }

  #computeNatively(parts: ReadonlyArray<MessagePart>): Uint8Array {
    // Imported, it would be loaded by each worker.
    const hmac = globalThis.process.getBuiltinModule("node:crypto").createHmac("sha256", this.#key);
    for (const { bytes, from, to } of parts) hmac.update(bytes.subarray(from, to));
    return hmac.digest();
  }
}

const writeWord = (bytes: Uint8Array, at: number, word: number): void => {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
};

/** FIPS 180-4 section 5.3.3: of the square roots of the first eight primes. */
const INITIAL = Int32Array.of(
  0x6a09e667,
  0xbb67ae85,
  0x3c6ef372,
  0xa54ff53a,
  0x510e527f,
  0x9b05688c,
  0x1f83d9ab,
  0x5be0cd19,
);

/** FIPS 180-4 section 4.2.2: the first 32 bits of the fractions of the cube roots of the first 64 primes. */
const CONSTANTS = new Int32Array(64);
for (let n = 0, candidate = 2; n < 64; candidate++) {
  let isPrime = true;
  for (let i = 2; i * i <= candidate; i++) isPrime &&= candidate % i !== 0;
  if (isPrime) CONSTANTS[n++] = (Math.cbrt(candidate) % 1) * 2 ** 32;
}

/** The message schedule, of whichever block is being compressed. */
const SCHEDULE = new Int32Array(64);

/** Takes one block into the state. (FIPS 180-4 section 6.2.2; letters as there) */
const compress = (state: Int32Array, bytes: Uint8Array, at: number): void => {
  const w = SCHEDULE;
  for (let t = 0; t < 16; t++, at += 4) {
    w[t] = bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!; // a block has 64
  }
  for (let t = 16; t < 64; t++) {
    const x = w[t - 15]!; // 16 <= t < 64
    const y = w[t - 2]!;
    const sigma0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
    const sigma1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
    w[t] = (sigma1 + w[t - 7]! + sigma0 + w[t - 16]!) | 0;
  }
  let a = state[0]!; // eight words
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let t = 0; t < 64; t++) {
    const sum1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const sum0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const choice = g ^ e & (f ^ g);
    const majority = a & b | c & (a | b);
    const t1 = (h + sum1 + choice + CONSTANTS[t]! + w[t]!) | 0; // t < 64
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + sum0 + majority) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
};
