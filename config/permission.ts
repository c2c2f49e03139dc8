/**
 * What this program may do, as far as it is known without asking its user.
 *
 * @module
 */

/** Whether the program has a permission; nobody is asked for it. */
export function isGranted(permission: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(permission).state === "granted";
}
