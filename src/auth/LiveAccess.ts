/**
 * The broker's Access by the `auth` and `acl` of broker.toml, which a reload replaces while clients are
 * connected. What the new ones say counts from the call on; nothing of the old ones is answered after it.
 */
import * as Redacted from "effect/Redacted";
import type { BrokerSettings, UserSettings } from "../domain/BrokerSettings.ts";
import type { Access, Authenticate, Authorize, Receiving } from "../mqtt/ports/Access.ts";
import { makeAuthenticator, Verifications } from "./authenticator.ts";
import { makeAuthorizer } from "./authorizer.ts";

export type AccessSettings = Pick<BrokerSettings, "users" | "acl">;

/** User names for which something has changed. */
export interface UserChanges {
  /** No users any more, or users now: whoever went by the name is not who would now. */
  readonly others: ReadonlySet<string>;
  /** With another password. */
  readonly passwords: ReadonlySet<string>;
}

export class LiveAccess implements Access {
  readonly #verifications = new Verifications();
  #revision = 0;
  #settings: AccessSettings;
  #authenticate: Authenticate;
  #authorize: Authorize;
  /** A plain field: it is read once for each message and recipient. */
  receiving: Receiving | undefined;

  constructor(settings: AccessSettings) {
    this.#settings = settings;
    this.#authenticate = makeAuthenticator(settings.users, this.#verifications);
    const { authorize, receiving } = makeAuthorizer(settings.acl);
    this.#authorize = authorize;
    this.receiving = receiving;
  }

  get revision(): number {
    return this.#revision;
  }

  readonly authenticate: Authenticate = (username, password, asker) =>
    this.#authenticate(username, password, asker);

  readonly authorize: Authorize = (client, action, topic) => this.#authorize(client, action, topic);

  /** Answers by these from now on. Returns which users are not who they were. */
  replace(settings: AccessSettings): UserChanges {
    const changes = changesOf(this.#settings.users, settings.users);
    this.#authenticate = makeAuthenticator(settings.users, this.#verifications);
    ({ authorize: this.#authorize, receiving: this.receiving } = makeAuthorizer(settings.acl));
    this.#settings = settings;
    this.#revision++;
    return changes;
  }
}

const changesOf = (
  before: ReadonlyArray<UserSettings>,
  after: ReadonlyArray<UserSettings>,
): UserChanges => {
  const old = new Map(before.map(({ username, password }) => [username, Redacted.value(password)]));
  const others = new Set<string>();
  const passwords = new Set<string>();
  for (const { username, password } of after) {
    const known = old.get(username);
    old.delete(username);
    if (known === undefined) others.add(username);
    else if (known !== Redacted.value(password)) passwords.add(username);
  }
  for (const username of old.keys()) others.add(username);
  return { others, passwords };
};
