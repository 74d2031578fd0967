/**
 * Why a request got no usable response, in words that an operator can act on.
 *
 * Never carries header values, bodies or the userinfo of a URL: its message goes to the log.
 */
import * as Data from "effect/Data";
import { isShortage } from "../ops/shortage.ts";

/**
 * What went wrong.
 *
 * - `refused`: nobody listens there. `unresolved`: the host name has no address. `unreachable`: no way there.
 * - `forbidden`: this process may not connect there (Deno's permissions).
 * - `tls`: the handshake failed, in most cases because the certificate is not trusted.
 * - `timeout`: no status was there in time; the receiver may have acted on the request.
 * - `closed`: the peer ended the connection in good order, but before any status. `reset`: it broke off.
 * - `malformed`: what came has no status that could be read.
 * - `invalid_request`: this request cannot be written as HTTP/1.1; sending it again is of no use.
 * - `shutdown`: the pool is closed.
 * - `shortage`: this process has no descriptor or memory left; it tells nothing of the peer.
 */
export type TransportFault =
  | "refused"
  | "unresolved"
  | "unreachable"
  | "forbidden"
  | "tls"
  | "timeout"
  | "closed"
  | "reset"
  | "malformed"
  | "invalid_request"
  | "shutdown"
  | "shortage";

/** A request that ended without a response: whatever goes wrong once its status is read is an `AnswerFault`. */
export class TransportError extends Data.TaggedError("TransportError")<{
  readonly fault: TransportFault;
  readonly message: string;
  readonly cause?: unknown;
}> {}

/**
 * What Deno's TLS says of a server's certificate that is its own authority's too, or of X.509's first version:
 * as openssl makes self-signed ones. It says so after name and validity, and takes them from nobody.
 */
const SELF_SIGNED = /CaUsedAsEndEntity|UnsupportedCertVersion/;

/** Whether a message of Deno's TLS says that it failed for such a certificate alone. */
export const saysSelfSigned = (message: string): boolean => SELF_SIGNED.test(message);

/** The typed form of what `Deno.connect`, a TLS handshake, a read or a write was rejected with. */
export const fromSystemError = (cause: unknown, during: string): TransportError => {
  const fault = faultOf(cause);
  const said = cause instanceof Error ? cause.message : String(cause);
  return new TransportError({ fault, message: `${during}: ${explain(fault, said)}`, cause });
};

const faultOf = (cause: unknown): TransportFault => {
  if (isShortage(cause)) return "shortage";
  if (cause instanceof Deno.errors.ConnectionRefused) return "refused";
  if (
    cause instanceof Deno.errors.ConnectionReset ||
    cause instanceof Deno.errors.ConnectionAborted ||
    cause instanceof Deno.errors.BrokenPipe ||
    cause instanceof Deno.errors.NotConnected ||
    cause instanceof Deno.errors.UnexpectedEof // TLS without close_notify
  ) return "reset";
  if (cause instanceof Deno.errors.TimedOut) return "timeout";
  if (cause instanceof Deno.errors.NotCapable || cause instanceof Deno.errors.PermissionDenied) {
    return "forbidden";
  }
  // rustls tells every fault of a handshake, and of the records after it, as invalid data.
  if (cause instanceof Deno.errors.InvalidData) return "tls";
  // A host name that no certificate can have.
  if (cause instanceof TypeError) return "invalid_request";
  // The resolver's errors have neither a class nor a code of their own.
  if (cause instanceof Error && cause.message.startsWith("failed to lookup address")) {
    return "unresolved";
  }
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  // Of node:tls, as the two below.
  if (code === "ECONNREFUSED") return "refused";
  if (code === "ENOTFOUND") return "unresolved";
  if (/^ERR_(SSL|TLS)_|CERT|SIGNATURE/.test(code)) return "tls";
  if (code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "EADDRNOTAVAIL") {
    return "unreachable";
  }
  return "reset";
};

const explain = (fault: TransportFault, said: string): string => {
  switch (fault) {
    case "refused":
      return "connection refused: nothing listens there";
    case "unresolved":
      return `host name not found (${said})`;
    case "tls":
      return `TLS failed (${said})${
        /UnknownIssuer|issuer cert/.test(said)
          ? ": the certificate's issuer is not trusted, see ca_file"
          : saysSelfSigned(said)
          ? ": the certificate is self-signed; named as the endpoint's ca_file, it is trusted"
          : said.includes("CertificateRequired")
          ? ": it wants to see a certificate, see client_cert"
          : ""
      }`;
    default:
      return said;
  }
};
