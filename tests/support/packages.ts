/**
 * The packages that tests and benches alone load. Deno downloads all that a lock names before it runs
 * anything: these are in tests/deno.lock, so that they do not come down to whoever starts the broker, and
 * what imports them runs with `--lock=tests/deno.lock`. They must never stand in deno.json, nor be imported
 * by a literal: `deno check` would look them up in deno.lock.
 *
 * As a program it loads them all, and so writes them into the lock: `deno task lock:tests`.
 */

export const AJV: string = "npm:ajv@8.20.0/dist/2020.js";
export const AEDES: string = "npm:aedes@1.2.0";
export const MQTT_JS: string = "npm:mqtt@5.16.0";
export const STANDARD_WEBHOOKS: string = "npm:standardwebhooks@1.1.1";
export const UNDICI: string = "npm:undici@7.30.2";

/** All of them. */
export const PACKAGES: ReadonlyArray<string> = [AEDES, AJV, MQTT_JS, STANDARD_WEBHOOKS, UNDICI];

if (import.meta.main) await Promise.all(PACKAGES.map((name) => import(name)));
