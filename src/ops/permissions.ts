/**
 * What Deno lets this process do, and what of it is given up: code that comes to run in it by a fault then
 * can do less. Nothing that is given up can be had back. Workers share what there is (Deno 2.9): what one
 * thread gives up, all have lost.
 */

/** What nothing needs once all is there; `deno run -A` grants more of it than was asked for. */
const NEEDED_NO_MORE: ReadonlyArray<Deno.PermissionName> = ["run", "ffi", "sys"];

/** Gives up these permissions. */
export const giveUp = (...names: ReadonlyArray<Deno.PermissionName>): void => {
  for (const name of [...NEEDED_NO_MORE, ...names]) Deno.permissions.revokeSync({ name });
};

/** Whether the process has this permission. */
export const has = (permission: Deno.PermissionDescriptor): boolean =>
  Deno.permissions.querySync(permission).state === "granted";
