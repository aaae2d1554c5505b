/** The paths that belong to the management listener, with everything below them. */
export const MANAGEMENT_PATHS = ['/health', '/metrics', '/admin'] as const;

/** @returns whether a path belongs to the management listener. */
export function isManagementPath(path: string): boolean {
  return MANAGEMENT_PATHS.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
}
