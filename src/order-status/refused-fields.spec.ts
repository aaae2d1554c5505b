import { describe, expect, it } from 'vitest';
import { UNEXPECTED } from '../call-override.js';
import { CircuitOpenError, ConfigurationError, PermanentError, TransientError } from '../errors.js';
import { OutageError, ServerFaultError } from '../transport/index.js';
import type { Hook } from './order-status-hooks.js';
import { mayComeFromFields, whoseFieldsAreRefused } from './refused-fields.js';

describe('an error of a query with the fields of hooks', () => {
  it.each<[string, unknown, boolean]>([
    ['a refusal', new PermanentError('no such field'), true],
    ['a missing permission', new ConfigurationError('not allowed'), true],
    ['a query that is too complex', new TransientError('too complex', { code: 'MaxComplexity' }), true],
    ['an outage', new OutageError('down'), false],
    ['a fault of the server', new ServerFaultError('oops'), false],
    ['an open circuit', new CircuitOpenError('fluent:ACME', 1000), false],
    ['a time-out', new TransientError('time is up', { code: 'Timeout' }), false],
    ['a mistake of an override', new TransientError('oops', { code: UNEXPECTED }), false],
    ['a wrong return value', new TransientError('odd', { code: 'InvalidReturn' }), false],
    ['an error of no upstream', new TypeError('oops'), false],
  ])('that is %s may come from the fields: %j', (_, error, expected) => {
    expect(mayComeFromFields(error)).toBe(expected);
  });
});

describe('whose fields are refused', () => {
  const [carrier, gift, points] = ['Carrier', 'Gift', 'Points'].map((name) => ({ name }) as Hook) as [
    Hook,
    Hook,
    Hook,
  ];
  const all = [carrier, gift, points];

  /** A system that refuses some sets of fields. @returns what was found, and which queries it took. */
  async function find(refuses: (hooks: readonly Hook[]) => boolean) {
    const asked: string[] = [];
    const read = async (hooks: readonly Hook[]): Promise<void> => {
      const names = hooks.map(({ name }) => name).join('+');
      asked.push(names);
      if (refuses(hooks)) throw new PermanentError(`refused: ${names}`);
    };
    return { refused: await whoseFieldsAreRefused(all, read), asked };
  }

  it('is each hook whose fields alone are refused, with the reason', async () => {
    const { refused, asked } = await find((hooks) => hooks.includes(carrier) || hooks.includes(points));
    expect(refused).toEqual(
      new Map([
        [carrier, 'refused: Carrier'],
        [points, 'refused: Points'],
      ]),
    );
    expect(asked).toEqual(['', 'Carrier', 'Gift', 'Points']);
  });

  it('is every hook when the system accepts each alone but not all together', async () => {
    const { refused } = await find((hooks) => hooks.length > 1);
    expect(refused).toEqual(new Map(all.map((hook) => [hook, 'refused: Carrier+Gift+Points'])));
  });

  it('is no hook when the query is not refused any more', async () => {
    const { refused, asked } = await find(() => false);
    expect(refused).toEqual(new Map());
    expect(asked.at(-1)).toBe('Carrier+Gift+Points');
  });

  it('is not known when the query without their fields is refused, too', async () => {
    const { refused, asked } = await find(() => true);
    expect(refused).toBeUndefined();
    expect(asked).toEqual(['']);
  });

  it('cannot be found out while the system is down', async () => {
    const down = new OutageError('down');
    const read = async (hooks: readonly Hook[]): Promise<void> => {
      if (hooks.includes(gift)) throw down;
    };
    await expect(whoseFieldsAreRefused(all, read)).rejects.toBe(down);
  });
});
