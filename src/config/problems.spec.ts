import { ValidationError } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { violationsIn } from './problems.js';

const errorOf = (property: string, rest: Partial<ValidationError>): ValidationError =>
  Object.assign(new ValidationError(), { property, ...rest });
const WRONG = { constraints: { rule: 'is wrong' } };

describe('violationsIn', () => {
  it('names the path of each violation: fields with a dot, positions in brackets', () => {
    const errors = [
      errorOf('accounts', {
        children: [errorOf('12', { children: [errorOf('id', WRONG)] }), errorOf('3', WRONG)],
      }),
      errorOf('projects', WRONG),
    ];
    expect(violationsIn(errors)).toEqual([
      { path: 'accounts[12].id', message: 'is wrong' },
      { path: 'accounts[3]', message: 'is wrong' },
      { path: 'projects', message: 'is wrong' },
    ]);
  });

  it('takes a field whose name only holds digits for a field', () => {
    const errors = [errorOf('parent', { children: [errorOf('a1', WRONG), errorOf('1a', WRONG)] })];
    expect(violationsIn(errors).map(({ path }) => path)).toEqual(['parent.a1', 'parent.1a']);
  });
});
