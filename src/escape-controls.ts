/** Control characters, and characters that reorder or break the text around them. */
const CONTROLS = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu;
/** Of those, the ones that JSON does not escape by itself. */
const CONTROLS_OF_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Makes text from outside safe for a terminal: `\u001b` is shown as these six characters. */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** The same for serialized JSON, whose value stays what it was. */
export function escapeControlsOfJson(json: string): string {
  return json.replace(CONTROLS_OF_JSON, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
