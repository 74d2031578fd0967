/** What comes down to a machine that starts the broker is what deno.lock names: Deno downloads all of it first. */
import assert from "node:assert/strict";
import denoJson from "../../deno.json" with { type: "json" };
import usersLock from "../../deno.lock" with { type: "text" };
import testsLock from "../deno.lock" with { type: "text" };
import { PACKAGES } from "../support/packages.ts";

/** The part of a lock that is read here. */
interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
  /** By name and version. */
  readonly npm: Readonly<
    Record<string, { readonly integrity: string; readonly scripts?: boolean }>
  >;
}

const users: Lock = JSON.parse(usersLock);
const tests: Lock = JSON.parse(testsLock);

Deno.test("deno.lock names no package that only tests and benches load", () => {
  const apart = PACKAGES.map((name) => name.replace(/(?<=.@[^/]+)\/.*/, ""));
  assert.deepEqual(apart.filter((name) => name in users.specifiers), []);
  assert.deepEqual(apart.filter((name) => !(name in tests.specifiers)), []);
});

Deno.test("tests/deno.lock has every package in the version of deno.lock: what is tested is what runs", () => {
  const others = Object.entries(users.npm).filter(([name, { integrity }]) =>
    tests.npm[name]?.integrity !== integrity
  );
  assert.deepEqual(others, []);
});

Deno.test("deno.lock names no package whose script Deno would warn of at the first start", () => {
  const denied = denoJson.allowScripts.deny;
  const warned = Object.entries(users.npm).filter(([name, { scripts }]) =>
    scripts && !denied.some((denial) => `npm:${name}`.startsWith(`${denial}@`))
  );
  assert.deepEqual(warned, []);
});
