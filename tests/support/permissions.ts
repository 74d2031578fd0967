/**
 * Tests that need a permission: run where it is granted, left out and said so where it is not, so
 * that a bare `deno test` runs all that needs none. Must never ask: asking would hang a CI run.
 */

/** Whether every one of these permissions is granted as a whole; a partial grant counts as none. */
export const granted = (needed: ReadonlyArray<Deno.PermissionName>): boolean =>
  needed.every((name) => Deno.permissions.querySync({ name }).state === "granted");

/**
 * Registers a test that needs permissions. Without them it is ignored, and one line per file says
 * which are missing. Packages that need a permission to be imported must be imported inside `fn`.
 */
export const testNeeding = (
  needed: ReadonlyArray<Deno.PermissionName>,
  name: string,
  fn: (t: Deno.TestContext) => void | Promise<void>,
): void => {
  const ignore = !granted(needed);
  if (ignore) sayLeftOut(needed);
  Deno.test({ name, fn, ignore });
};

/** Registers what runs before the first and after the last test of a file; nothing without the permissions. */
export const aroundAllNeeding = (
  needed: ReadonlyArray<Deno.PermissionName>,
  around: {
    readonly before: () => void | Promise<void>;
    readonly after: () => void | Promise<void>;
  },
): void => {
  if (!granted(needed)) return;
  let begun = false;
  Deno.test.beforeAll(async () => {
    await around.before();
    begun = true;
  });
  // Deno runs it after a failed `before` too, and would then tell of its failure alone.
  Deno.test.afterAll(async () => {
    if (begun) await around.after();
  });
};

const sayLeftOut = (needed: ReadonlyArray<Deno.PermissionName>): void => {
  const flags = needed.map((name) => `--allow-${name}`).join(" ");
  if (SAID.has(flags)) return;
  SAID.add(flags);
  // Deno.mainModule is the test file: each runs as its own program.
  console.log(`left out: tests of ${new URL(Deno.mainModule).pathname} that need ${flags}`);
};

const SAID = new Set<string>();
