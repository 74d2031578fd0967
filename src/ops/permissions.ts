/**
 * What Deno lets this process do, and what of it is given up: code that comes to run in it by a fault then
 * can do less. Nothing that is given up can be had back. Workers share what there is (Deno 2.9): what one
 * thread gives up, all have lost.
 */

/** What nothing here ever needs; `deno run -A` grants it all the same. */
const NEVER_NEEDED: ReadonlyArray<Deno.PermissionName> = ["run", "ffi", "sys"];

/** Gives up these permissions. */
export const giveUp = (...names: ReadonlyArray<Deno.PermissionName>): void => {
  for (const name of [...NEVER_NEEDED, ...names]) Deno.permissions.revokeSync({ name });
};

/** Whether the process has a permission, as a whole. */
export const has = (name: Deno.PermissionName): boolean =>
  Deno.permissions.querySync({ name }).state === "granted";
