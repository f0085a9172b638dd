/** A time of the API, in whole seconds. */
export function apiTime(date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
