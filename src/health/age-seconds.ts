/** @returns how long ago that was, in whole seconds; 0 without a date, and for one that another clock put ahead. */
export function ageSeconds(since: Date | undefined): number {
  return since === undefined ? 0 : Math.max(0, Math.floor((Date.now() - since.getTime()) / 1000));
}
