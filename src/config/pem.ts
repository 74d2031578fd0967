/**
 * PEM files as people have them: read, checked and written anew in the one form that every TLS library
 * takes. A BOM, CRLF, text around the blocks and blocks of other kinds do not matter; a chain may be in any
 * order. What is wrong is told in words that never show a key.
 */
import * as Either from "effect/Either";
import type { KeyObject } from "node:crypto";
import { createPrivateKey, X509Certificate } from "node:crypto";

/** What a server shows of itself. */
export interface PemIdentity {
  /** The chain: the server's own certificate first, each followed by that of its issuer. */
  readonly cert: string;
  /** PKCS #8. */
  readonly key: string;
}

/** The certificates of a file, in PEM without anything else; or what was found instead. */
export const readCertificates = (pem: string): Either.Either<string, string> =>
  Either.map(parseCertificates(pem), write);

/** The same, of certificates to trust: what Deno refuses there would end a delivery worker's thread. */
export const readTrusted = (pem: string): Either.Either<string, string> =>
  Either.filterOrLeft(
    readCertificates(pem),
    (certificates) =>
      parsed(() => Deno.createHttpClient({ caCerts: [certificates] }).close() ?? true) === true,
    () => "with a CERTIFICATE that cannot be trusted: it breaks a rule of X.509",
  );

/** The first private key of a file, as PKCS #8; or what was found instead, without any of it. */
export const readKey = (pem: string): Either.Either<string, string> =>
  Either.map(parseKey(pem), writeKey);

/**
 * The identity that the texts of a certificate file and a key file make, which may be one file; or what was
 * found. The chain begins with the certificate that the key belongs to, wherever it stands.
 */
export const readIdentity = (
  certPem: string,
  keyPem: string,
): Either.Either<PemIdentity, string> =>
  Either.gen(function* () {
    const certificates = yield* parseCertificates(certPem);
    const key = yield* parseKey(keyPem);
    const own = certificates.find((certificate) => certificate.checkPrivateKey(key));
    return own === undefined
      ? yield* Either.left("a key that belongs to none of its certificates")
      : { cert: write(chainFrom(own, certificates)), key: writeKey(key) };
  });

interface Block {
  readonly label: string;
  /** With its `-----` lines. */
  readonly text: string;
}

/** RFC 7468 section 2: a parser should take what is before and between the blocks as no part of them. */
const blocksOf = (pem: string): ReadonlyArray<Block> =>
  Array.from(
    pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*(?:-(?!----)[^-]*)*-----END \1-----/g),
    ([text, label = ""]) => ({ label, text: text.replace(/[ \t]*\r\n?|[ \t]+\n/g, "\n") }),
  );

/** "TRUSTED CERTIFICATE" is openssl's own, with more in it than a certificate. */
const CERTIFICATE = /^(X509 )?CERTIFICATE$/;

const parseCertificates = (
  pem: string,
): Either.Either<ReadonlyArray<X509Certificate>, string> => {
  const blocks = blocksOf(pem).filter(({ label }) => CERTIFICATE.test(label));
  if (blocks.length === 0) return Either.left(without("CERTIFICATE", pem));
  const certificates: Array<X509Certificate> = [];
  for (const { text } of blocks) {
    const certificate = parsed(() => new X509Certificate(text.replaceAll("X509 CERT", "CERT")));
    if (certificate === undefined) {
      return Either.left(`whose CERTIFICATE block ${certificates.length + 1} is malformed`);
    }
    certificates.push(certificate);
  }
  return Either.right(certificates);
};

const PRIVATE_KEY = / ?PRIVATE KEY$/;

/** The first private key. */
const parseKey = (pem: string): Either.Either<KeyObject, string> => {
  const block = blocksOf(pem).find(({ label }) => PRIVATE_KEY.test(label));
  if (block === undefined) return Either.left(without("PRIVATE KEY", pem));
  if (block.label === "ENCRYPTED PRIVATE KEY" || /^Proc-Type:.*ENCRYPTED/m.test(block.text)) {
    return Either.left(
      "which is encrypted: a broker has nobody to ask (openssl pkey -in KEY -out PLAIN_KEY decrypts it)",
    );
  }
  const key = parsed(() => createPrivateKey(block.text));
  if (key === undefined) return Either.left(`whose ${block.label} block is malformed`);
  return isUsable(key) ? Either.right(key) : Either.left(
    `whose kind of key (${kindOf(key)}) no TLS takes here: RSA, P-256, P-384, P-521 and Ed25519 do`,
  );
};

const CURVES: ReadonlyArray<string | undefined> = ["prime256v1", "secp384r1", "secp521r1"];

// `asymmetricKeyDetails` of an RSA key throws when it is printed, so that only an EC key's is read.
const curveOf = (key: KeyObject): string | undefined => key.asymmetricKeyDetails?.namedCurve;

const isUsable = (key: KeyObject): boolean => {
  switch (key.asymmetricKeyType) {
    case "rsa":
    case "ed25519":
      return true;
    case "ec":
      return CURVES.includes(curveOf(key));
    default:
      return false;
  }
};

const kindOf = (key: KeyObject): string =>
  (key.asymmetricKeyType === "ec" ? curveOf(key) : undefined) ?? key.asymmetricKeyType ?? "unknown";

/** What a file without such a block is, where a guess is worth more than silence. */
const without = (label: string, pem: string): string => {
  const others = [...new Set(blocksOf(pem).map((block) => block.label))];
  if (others.length > 0) return `which has ${others.join(", ")} and no ${label} block`;
  return pem.includes(`-----BEGIN ${label}-----`)
    ? `whose ${label} block has no end`
    : `which has no ${label} block`;
};

/** From `own` to its issuer and on; what is left over stands behind, in the order of the file. */
const chainFrom = (
  own: X509Certificate,
  certificates: ReadonlyArray<X509Certificate>,
): ReadonlyArray<X509Certificate> => {
  const rest = new Set(certificates);
  const chain: Array<X509Certificate> = [];
  for (let next: X509Certificate | undefined = own; next !== undefined;) {
    const last: X509Certificate = next;
    rest.delete(last);
    chain.push(last);
    next = Array.from(rest).find((other) => last.checkIssued(other));
  }
  return [...chain, ...rest];
};

const write = (certificates: ReadonlyArray<X509Certificate>): string =>
  certificates.map((certificate) => `${certificate.toString().trim()}\n`).join("");

const writeKey = (key: KeyObject): string =>
  key.export({ type: "pkcs8", format: "pem" }).toString();

const parsed = <A>(parse: () => A): A | undefined => {
  try {
    return parse();
  } catch {
    return undefined; // what OpenSSL says of it helps nobody, and the caller says what was expected
  }
};
