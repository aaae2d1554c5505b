/** A JSON object with unchecked members. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** @returns whether the value is an object, and neither null nor a list. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @returns the value if it is an object, else an empty object. */
export function asJsonObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

/** @returns an id as text. Fluent sends ids as text or as numbers. */
export function idText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

/** @returns whether the value is text with at least one character. */
export function isNonEmptyText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
