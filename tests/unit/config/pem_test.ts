import * as assert from "node:assert/strict";
import * as Either from "effect/Either";
import { readCertificates, readIdentity, readKey, readTrusted } from "../../../src/config/pem.ts";
import {
  CA_CERT,
  ENCRYPTED_KEYS,
  LEAF_CERT,
  LEAF_KEY,
  SAME_NAMES,
  SECP256K1_KEY,
  SELF_SIGNED,
} from "../../support/pems.ts";

const CHAIN = { cert: LEAF_CERT + CA_CERT, key: LEAF_KEY };

Deno.test("readIdentity takes one file for both parts, with a BOM, CRLF and text around its blocks", () => {
  const combined =
    `\uFEFFBag Attributes\n  name: x-----y\n${LEAF_KEY}subject=CN\n${LEAF_CERT}\n${CA_CERT}`;
  for (const text of [combined, combined.replaceAll("\n", "\r\n"), combined.trimEnd()]) {
    assert.deepEqual(readIdentity(text, text), Either.right(CHAIN));
  }
});

Deno.test("readIdentity begins the chain with the key's own certificate, whichever stands first", () => {
  const chains = [
    LEAF_CERT + CA_CERT,
    CA_CERT + LEAF_CERT,
  ];
  for (const chain of chains) {
    assert.deepEqual(readIdentity(chain, LEAF_KEY), Either.right(CHAIN));
  }
  assert.deepEqual(
    readIdentity(SAME_NAMES.cert + CA_CERT + LEAF_CERT, LEAF_KEY),
    Either.right({ cert: CHAIN.cert + SAME_NAMES.cert, key: LEAF_KEY }), // nothing is lost
  );
});

Deno.test("readIdentity tells a key that belongs to none of the certificates", () => {
  const found = "a key that belongs to none of its certificates";
  assert.deepEqual(readIdentity(SELF_SIGNED.cert, SAME_NAMES.key), Either.left(found));
});

Deno.test("readKey tells an encrypted key, a malformed one, one of no use and none, and shows nothing of them", () => {
  for (const key of ENCRYPTED_KEYS) {
    assert.match(
      Either.getOrThrow(Either.flip(readKey(key))),
      /^which is encrypted: .*openssl pkey/,
    );
  }
  const cases: ReadonlyArray<readonly [string, RegExp]> = [
    [LEAF_KEY.replace("MIG", "AAA"), /^whose PRIVATE KEY block is malformed$/],
    [SECP256K1_KEY, /^whose kind of key \(secp256k1\) no TLS takes here: RSA, /],
    [LEAF_CERT, /^which has CERTIFICATE and no PRIVATE KEY block$/],
    [LEAF_KEY.slice(0, 60), /^whose PRIVATE KEY block has no end$/],
    ["", /^which has no PRIVATE KEY block$/],
  ];
  for (const [text, found] of cases) {
    assert.match(Either.getOrThrow(Either.flip(readKey(text))), found);
  }
});

Deno.test("readCertificates leaves out keys and tells which certificate is malformed", () => {
  assert.deepEqual(readCertificates(LEAF_KEY + CA_CERT + LEAF_KEY), Either.right(CA_CERT));
  assert.deepEqual(
    readCertificates(CA_CERT + LEAF_CERT.replace("MII", "XXX")),
    Either.left("whose CERTIFICATE block 2 is malformed"),
  );
});

Deno.test("readCertificates takes the label that OpenSSL once wrote", () => {
  const old = CA_CERT.replaceAll("CERTIFICATE", "X509 CERTIFICATE");
  assert.deepEqual(readCertificates(old), Either.right(CA_CERT));
});

Deno.test("readTrusted takes a self-signed certificate and an authority's", () => {
  const both = SELF_SIGNED.cert + CA_CERT;
  assert.deepEqual(readTrusted(both), Either.right(both));
});
