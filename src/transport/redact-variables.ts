import { isJsonObject } from '../json.js';
import { withoutPersonalData } from '../personal-data.js';
import { redactCredentials } from './redact-credentials.js';

/** Of these variables and fields the values may be shown: they identify things, and no people. */
const SHOWN_KEYS: ReadonlySet<string> = new Set(
  (
    'id ids version key ref refs orderNumber accountId retailerId entityId entityRef entityType ' +
    'entitySubtype rootEntityId rootEntityRef rootEntityType type typeId status orderState ' +
    'paymentState shipmentState action deliveryKey parcelKey locationRef skuRef names contexts ' +
    'contextIds fields first after since until from to start count'
  ).split(' '),
);
/** A `name` beside one of these is that of a field, a setting, an event or a job. Elsewhere it may be a person's. */
const BESIDE_TECHNICAL_NAMES = ['value', 'retailerId', 'entityType'];
/** Shorter ones tell nothing, and are found in ordinary words. */
const SHORTEST_TEXT = 3;
const SHORTEST_NUMBER = 5;
/** Looking for more values than these would take too long. The text is then withheld as a whole. */
const MAX_VALUES = 500;
const MAX_CHARACTERS = 50_000;
/** Stands for a text in which too much would have to be looked for. */
export const WITHHELD = '[withheld, because the request had too many values to redact]';

/**
 * Takes what was sent in a call out of the text that the upstream answered.
 *
 * @param sent the variables of an operation, or the body of a request.
 */
export function redactVariables(text: string, sent: unknown): string {
  const values: string[] = [];
  collect(sent, values);
  const characters = values.reduce((sum, value) => sum + value.length, 0);
  if (values.length > MAX_VALUES || characters > MAX_CHARACTERS) return WITHHELD;
  return withoutPersonalData(redactCredentials(text, values));
}

function collect(value: unknown, values: string[]): void {
  if (values.length > MAX_VALUES) return;
  if (typeof value === 'string') collectText(value, values);
  else if (typeof value === 'number') {
    if (String(value).length >= SHORTEST_NUMBER) values.push(String(value));
  } else if (Array.isArray(value)) {
    for (const entry of value) collect(entry, values);
  } else if (isJsonObject(value)) {
    for (const [key, entry] of Object.entries(value)) {
      if (!isShown(key, entry, value)) collect(entry, values);
    }
  }
}

/** Values of custom fields are JSON within JSON, and may be quoted in either form. */
function collectText(text: string, values: string[]): void {
  const parsed = /^\s*["[{]/.test(text) ? parse(text) : undefined;
  if (parsed !== undefined) collect(parsed, values);
  if (text.length >= SHORTEST_TEXT) values.push(text);
}

function isShown(key: string, value: unknown, parent: Record<string, unknown>): boolean {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return false;
  if (Array.isArray(value) && value.some((entry) => typeof entry === 'object')) return false;
  if (SHOWN_KEYS.has(key)) return true;
  return key === 'name' && BESIDE_TECHNICAL_NAMES.some((sibling) => sibling in parent);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
