/** Certificates and keys of two files that must belong together, brought into the form that TLS takes. */
import * as Effect from "effect/Effect";
import * as Either from "effect/Either";
import * as Redacted from "effect/Redacted";
import type { TlsIdentity } from "../domain/TlsIdentity.ts";
import type { KeyPath } from "./ConfigError.ts";
import type { UnplacedFault } from "./expectation.ts";
import type { TomlTable } from "./readToml.ts";

/** Fails where the key, which stands at `path`, belongs to none of the certificates. */
export const matchIdentity = <I extends TlsIdentity>(
  identity: I,
  path: KeyPath,
): Effect.Effect<I, UnplacedFault> =>
  Effect.gen(function* () {
    const { readIdentity } = yield* Effect.promise(() => import("./pem.ts"));
    return yield* Either.mapBoth(readIdentity(identity.cert, Redacted.value(identity.key)), {
      onRight: ({ cert, key }) => ({ ...identity, cert, key: Redacted.make(key) }),
      onLeft: (found): UnplacedFault => ({
        path,
        expected: `the key of a certificate of ${JSON.stringify(identity.certFile)}`,
        found: `${JSON.stringify(identity.keyFile)}, ${found}`,
        nearest: undefined,
      }),
    });
  });

/** Of a file as parsed: `[[endpoint]]` tables in which a client's certificate has no key, or the other way round. */
export const halfIdentities = ({ endpoint }: TomlTable): ReadonlyArray<UnplacedFault> =>
  !Array.isArray(endpoint) ? [] : endpoint.flatMap((table: unknown, i) => {
    if (typeof table !== "object" || table === null) return [];
    const hasCertificate = "client_cert" in table;
    if (hasCertificate === "client_key" in table) return [];
    const [has, lacks] = hasCertificate
      ? ["client_cert", "client_key"]
      : ["client_key", "client_cert"];
    return [{
      path: ["endpoint", i, lacks],
      expected: `a file beside ${has}`,
      found: "nothing",
      nearest: undefined,
    }];
  });
