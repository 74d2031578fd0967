import assert from "node:assert/strict";
import { fromSystemError } from "../../../src/http/TransportError.ts";

const withCode = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code });

for (
  const [cause, fault, advice] of [
    [
      new Deno.errors.InvalidData("received fatal alert: CertificateRequired"),
      "tls",
      "client_cert",
    ],
    [
      withCode(
        "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        "received fatal alert: CertificateRequired",
      ),
      "tls",
      "client_cert",
    ],
    [new Deno.errors.InvalidData("invalid peer certificate: UnknownIssuer"), "tls", "ca_file"],
    [
      withCode("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"),
      "tls",
      "ca_file",
    ],
    [withCode("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"), "tls", "self-signed"],
    [withCode("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify"), "tls", "unable"],
    [withCode("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:9"), "refused", "nothing listens"],
    [withCode("ENOTFOUND", "getaddrinfo ENOTFOUND x.invalid"), "unresolved", "not found"],
    [withCode("EHOSTUNREACH", "no route"), "unreachable", "no route"],
    [withCode("ECONNRESET", "socket hang up"), "reset", "hang up"],
  ] as const
) {
  Deno.test(`fromSystemError takes "${cause.message}" (${"code" in cause ? cause.code : "Deno"}) for ${fault}`, () => {
    const error = fromSystemError(cause, "connecting");
    assert.equal(error.fault, fault);
    assert.match(error.message, new RegExp(`^connecting: .*${advice}`));
  });
}
