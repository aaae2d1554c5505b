import { CommercetoolsApiError } from './commercetools-api-error.js';

/** The names that a predicate may use: `true` for a value, `'any'` for an object with any names. */
export interface PredicateShape {
  readonly [name: string]: true | 'any' | PredicateShape;
}

/** Says whether a value meets a predicate. */
export type Predicate = (value: unknown) => boolean;

type Literal = string | number | boolean;

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*")|`([^`]+)`|(-?\d+(?:\.\d+)?)|(<>|!=|<=|>=|[=<>(),])|([A-Za-z][\w-]*))/y;
const COMPARISONS: Readonly<Record<string, (left: Literal, right: Literal) => boolean>> = {
  '=': (left, right) => left === right,
  '!=': (left, right) => left !== right,
  '<>': (left, right) => left !== right,
  '<': (left, right) => left < right,
  '>': (left, right) => left > right,
  '<=': (left, right) => left <= right,
  '>=': (left, right) => left >= right,
};

/**
 * Reads the part of commercetools' query predicates that compares fields: `=`, `!=`, `<>`, `<`, `>`, `<=`, `>=`, `in`,
 * `is defined`, nested fields such as `custom(fields(name = "value"))`, and `and`, `or`, `not`. An array matches when
 * one of its entries does.
 *
 * @throws CommercetoolsApiError for anything else: an emulator must not guess what a filter means.
 */
export function queryPredicate(where: string | null | undefined, shape: PredicateShape): Predicate {
  if (where == null) return () => true;
  return new PredicateParser(where).parse(shape);
}

interface Token {
  readonly kind: 'value' | 'sign' | 'name';
  readonly text: string;
  readonly value?: Literal;
}

class PredicateParser {
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(private readonly where: string) {
    this.#tokens = [...this.#read()];
  }

  parse(shape: PredicateShape): Predicate {
    const predicate = this.#either(shape);
    if (this.#next < this.#tokens.length) throw this.#malformed();
    return predicate;
  }

  #either(shape: PredicateShape | 'any'): Predicate {
    const parts = [this.#both(shape)];
    while (this.#takes('or')) parts.push(this.#both(shape));
    return (value) => parts.some((part) => part(value));
  }

  #both(shape: PredicateShape | 'any'): Predicate {
    const parts = [this.#single(shape)];
    while (this.#takes('and')) parts.push(this.#single(shape));
    return (value) => parts.every((part) => part(value));
  }

  #single(shape: PredicateShape | 'any'): Predicate {
    if (this.#takes('not')) {
      const inner = this.#group(shape);
      return (value) => !inner(value);
    }
    if (this.#peek() === '(') return this.#group(shape);
    const { kind, text: name } = this.#take();
    const inner = shape === 'any' ? true : shape[name];
    if (kind !== 'name' || inner === undefined) {
      throw this.#malformed(`the emulator knows no field '${name}' there`);
    }
    const test = inner === true ? this.#comparison() : this.#group(inner);
    return (value) => valuesOf(value, name).some(test);
  }

  #group(shape: PredicateShape | 'any'): Predicate {
    this.#expect('(');
    const inner = this.#either(shape);
    this.#expect(')');
    return inner;
  }

  #comparison(): Predicate {
    if (this.#takes('in')) {
      const values = this.#list();
      return (value) => values.includes(value as Literal);
    }
    if (this.#takes('is')) {
      const wanted = !this.#takes('not');
      this.#expect('defined');
      return (value) => (value != null) === wanted;
    }
    const compare = COMPARISONS[this.#take().text];
    if (!compare) throw this.#malformed();
    const right = this.#literal();
    return (left) => typeof left === typeof right && compare(left as Literal, right);
  }

  #list(): Literal[] {
    this.#expect('(');
    const values = [this.#literal()];
    while (this.#takes(',')) values.push(this.#literal());
    this.#expect(')');
    return values;
  }

  #literal(): Literal {
    const { value } = this.#take();
    if (value === undefined) throw this.#malformed();
    return value;
  }

  #peek(): string | undefined {
    const token = this.#tokens[this.#next];
    return token?.kind === 'value' ? undefined : token?.text;
  }

  #takes(text: string): boolean {
    if (this.#peek() !== text) return false;
    this.#next += 1;
    return true;
  }

  #take(): Token {
    const token = this.#tokens[this.#next];
    if (!token) throw this.#malformed();
    this.#next += 1;
    return token;
  }

  #expect(text: string): void {
    if (!this.#takes(text)) throw this.#malformed();
  }

  *#read(): Generator<Token> {
    const end = this.where.trimEnd().length;
    for (let at = 0; at < end; at = TOKEN.lastIndex) {
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(this.where);
      if (!match) throw this.#malformed();
      const [, string, quoted, number, sign, word] = match;
      if (string !== undefined) yield { kind: 'value', text: string, value: JSON.parse(string) as string };
      else if (number !== undefined) yield { kind: 'value', text: number, value: Number(number) };
      else if (word === 'true' || word === 'false')
        yield { kind: 'value', text: word, value: word === 'true' };
      else if (sign !== undefined) yield { kind: 'sign', text: sign };
      else yield { kind: 'name', text: quoted ?? word ?? '' };
    }
  }

  #malformed(reason = 'the emulator does not understand the predicate'): CommercetoolsApiError {
    return new CommercetoolsApiError('InvalidInput', `Malformed parameter: where: ${reason}: ${this.where}`);
  }
}

/** @returns the field's value, or those of every entry of an array; undefined where there is none. */
function valuesOf(value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value)) return value.flatMap((entry) => valuesOf(entry, name));
  return [(value as Readonly<Record<string, unknown>> | null | undefined)?.[name]];
}
