import { describe, expect, it } from 'vitest';
import { MAPPING_SETTINGS, literalScope } from '../../test/support/literal-config.js';
import type { FluentOrder } from '../fluent/index.js';
import { type SettingValue, SettingsSource } from '../settings/index.js';
import { SettingsStatusMapper } from './settings-status-mapper.js';

const { order: ORDER, payment: PAYMENT, shipping: SHIPPING } = MAPPING_SETTINGS;
const MAPPINGS: Record<string, unknown> = {
  [ORDER]: { fluent: { RECEIVED: 'Open', BOOKED: 'Confirmed', COMPLETE: 'Complete' } },
  [PAYMENT]: { fluent: { RECEIVED: 'pending', BOOKED: 'paid' } },
  [SHIPPING]: { fluent: { RECEIVED: 'Pending', COMPLETE: 'Shipped' } },
};

class LiteralSettings extends SettingsSource {
  readonly asked: (readonly string[])[] = [];

  constructor(private readonly values: Record<string, unknown>) {
    super();
  }

  override get(_scope: unknown, names: readonly string[]): Promise<SettingValue | undefined> {
    this.asked.push(names);
    const name = names.find((candidate) => Object.hasOwn(this.values, candidate));
    return Promise.resolve(name ? { name, context: 'ACCOUNT 0', value: this.values[name] } : undefined);
  }
}

const order = (status: string): FluentOrder => ({
  id: '1',
  ref: 'O_1',
  type: 'HD',
  status,
  retailerId: '1',
  attributes: [],
});

describe('SettingsStatusMapper', () => {
  it.each([
    ['RECEIVED', { orderState: 'Open', paymentState: 'Pending', shipmentState: 'Pending' }],
    ['BOOKED', { orderState: 'Confirmed', paymentState: 'Paid' }],
    ['COMPLETE', { orderState: 'Complete', shipmentState: 'Shipped' }],
    ['SOMETHING_ELSE', {}],
  ])('maps %s', async (status, expected) => {
    const mapper = new SettingsStatusMapper(new LiteralSettings(MAPPINGS));
    await expect(mapper.map(order(status), literalScope())).resolves.toStrictEqual(expected);
  });

  it('remembers which setting decided each state of an order that it mapped, and nothing of others', async () => {
    const mapper = new SettingsStatusMapper(new LiteralSettings(MAPPINGS));
    const mapped = order('BOOKED');
    await mapper.map(mapped, literalScope());
    const decided = { status: 'BOOKED', context: 'ACCOUNT 0' };
    expect(mapper.decisionsFor(mapped)).toEqual([
      { ...decided, field: 'orderState', setting: ORDER, state: 'Confirmed' },
      { ...decided, field: 'paymentState', setting: PAYMENT, state: 'Paid' },
      { ...decided, field: 'shipmentState', setting: SHIPPING, state: undefined },
    ]);
    expect(mapper.decisionsFor(order('BOOKED'))).toBeUndefined();
  });

  it('tries the second spelling of a default name, but not of a configured name', async () => {
    const settings = new LiteralSettings({ ...MAPPINGS, 'my.payment': { fluent: {} } });
    await new SettingsStatusMapper(settings).map(
      order('BOOKED'),
      literalScope({ mappingSettings: { ...MAPPING_SETTINGS, payment: 'my.payment' } }),
    );
    expect(settings.asked).toEqual([
      [ORDER, 'fc.connect.commerce-tools.order.order-status-mapping'],
      ['my.payment'],
      [SHIPPING, 'fc.connect.commercetools.order.shipping-status-mapping'],
    ]);
  });

  it('does not read the setting of a disabled mapping', async () => {
    const settings = new LiteralSettings(MAPPINGS);
    const mappingSettings = { ...MAPPING_SETTINGS, payment: undefined };
    await expect(
      new SettingsStatusMapper(settings).map(order('BOOKED'), literalScope({ mappingSettings })),
    ).resolves.toStrictEqual({ orderState: 'Confirmed' });
    expect(settings.asked).toHaveLength(2);
  });

  it('lists its settings, and every status with a valid entry', async () => {
    const wrong = { fluent: { ...(MAPPINGS[PAYMENT] as { fluent: object }).fluent, COMPLETE: 'payd' } };
    const mapper = new SettingsStatusMapper(new LiteralSettings({ ...MAPPINGS, [PAYMENT]: wrong }));
    const { sources, statuses } = await mapper.overview(literalScope());
    expect(sources).toEqual([ORDER, PAYMENT, SHIPPING].map((name) => `${name} (ACCOUNT 0)`));
    expect(Object.fromEntries(statuses)).toEqual({
      RECEIVED: { orderState: 'Open', paymentState: 'Pending', shipmentState: 'Pending' },
      BOOKED: { orderState: 'Confirmed', paymentState: 'Paid' },
      COMPLETE: { orderState: 'Complete', shipmentState: 'Shipped' },
    });
  });

  it('names a missing setting, and how to create or disable it', async () => {
    const { [SHIPPING]: _, ...others } = MAPPINGS;
    await expect(
      new SettingsStatusMapper(new LiteralSettings(others)).map(order('BOOKED'), literalScope()),
    ).rejects.toMatchObject({
      name: 'ConfigurationError',
      message: `setting ${SHIPPING} or fc.connect.commercetools.order.shipping-status-mapping does not exist for retailer 1 of Fluent account ACME in LiteralSettings: create it, or set SHIPPING_STATUS_MAPPING_SETTING=off`,
    });
  });

  it.each([true, 'Open', { name: 'a', context: 'ACCOUNT 0' }])(
    'names a replaced source of settings that returns %j',
    async (answer) => {
      const settings = new LiteralSettings(MAPPINGS);
      settings.get = async () => answer as never;
      await expect(new SettingsStatusMapper(settings).map(order('BOOKED'), literalScope())).rejects.toThrow(
        'LiteralSettings.get() returned something other than a setting with a value',
      );
    },
  );

  it('names a replaced source of settings that throws', async () => {
    const settings = new LiteralSettings(MAPPINGS);
    settings.get = async () => {
      throw new Error('oops');
    };
    await expect(new SettingsStatusMapper(settings).map(order('BOOKED'), literalScope())).rejects.toThrow(
      'LiteralSettings.get() failed: Error: oops',
    );
  });

  it('names a replaced source of settings that throws at once for one setting and rejects for another', async () => {
    const settings = new LiteralSettings(MAPPINGS);
    settings.get = (_scope, names) => {
      if (names.includes(PAYMENT)) throw new Error('not this one');
      return Promise.reject(new Error('nor that one'));
    };
    await expect(new SettingsStatusMapper(settings).map(order('BOOKED'), literalScope())).rejects.toThrow(
      /^LiteralSettings\.get\(\) failed: Error: (not this|nor that) one$/,
    );
  });
});
