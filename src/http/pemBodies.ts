/** The certificates of a PEM text as Base64 without line ends. It must never judge them: whoever reads a ca_file does. */
export const pemBodies = (pem: string): ReadonlyArray<string> =>
  Array.from(
    pem.matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g),
    ([, body = ""]) => body.replaceAll(/\s/g, ""),
  );
