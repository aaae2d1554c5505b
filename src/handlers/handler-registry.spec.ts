import { Injectable, Logger, Module, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it, vi } from 'vitest';
import { ConnectorConfig } from '../config/index.js';
import type { FluentNotification } from '../notification/index.js';
import { HandlerRegistry } from './handler-registry.js';
import { NotificationHandler, type NotificationHandlerContract } from './notification-handler.js';

async function registryOf(...handlers: Provider[]): Promise<HandlerRegistry> {
  // A handler may live in any module, also one that knows nothing of the registry.
  @Module({ providers: handlers })
  class PartnerModule {}
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule, PartnerModule],
    providers: [
      HandlerRegistry,
      { provide: ConnectorConfig, useValue: { orderStatusEventNames: ['x', 'y', 'x'] } },
    ],
  }).compile();
  await module.init();
  return module.get(HandlerRegistry);
}

abstract class Handles implements NotificationHandlerContract {
  async handle(): Promise<void> {}
}

@NotificationHandler('shipped')
@Injectable()
class Shipped extends Handles {}

@NotificationHandler({ names: ['shipped'], replaces: true })
@Injectable()
class BetterShipped extends Handles {}

@NotificationHandler({ names: ['shipped', 'packed'], replaces: true })
@Injectable()
class BestShipped extends Handles {}

@NotificationHandler({
  names: (config) => config.orderStatusEventNames,
  coalesce: true,
  expectedState: (n) => n.entityRef,
})
@Injectable()
class Configured extends Handles {}

// @ts-expect-error JavaScript has no types
@NotificationHandler('broken')
@Injectable()
class NoHandle {}

@NotificationHandler([])
@Injectable()
class NoName extends Handles {}

class NoRules {}

@NotificationHandler({
  names: 'odd',
  concurrency: 0,
  timeoutMs: Number.POSITIVE_INFINITY,
  dedupeWindowSeconds: 7 * 86_400_000,
  attributes: NoRules,
})
@Injectable()
class OddOptions {
  async handle(): Promise<void> {}
}

@NotificationHandler('fc.connect.*')
@Injectable()
class AllOfConnect extends Handles {}

@NotificationHandler(['*.shipped', 'shipped'])
@Injectable()
class AllShipped extends Handles {}

@NotificationHandler({ names: '*.shipped', replaces: true })
@Injectable()
class BetterAllShipped extends Handles {}

const notification = {
  accountId: 'A',
  retailerId: '1',
  entityType: 'ORDER',
  entityId: '5',
  entityRef: 'R',
} as FluentNotification;

describe('HandlerRegistry', () => {
  it('finds handlers of any module by name', async () => {
    const registry = await registryOf(Shipped);
    expect(registry.find('shipped')?.instance).toBeInstanceOf(Shipped);
    expect(registry.find('unknown')).toBeUndefined();
    expect(registry.find('constructor')).toBeUndefined();
  });

  it('takes names from configuration', async () => {
    expect((await registryOf(Configured)).names).toEqual(['x', 'y']);
  });

  it('takes the dedupe window from configuration, or leaves it to the queue', async () => {
    @NotificationHandler({
      names: 'mail',
      dedupeWindowSeconds: ({ orderStatusEventNames }) => orderStatusEventNames.length,
    })
    class Mailer extends Handles {}
    const registry = await registryOf(Mailer, Shipped);
    expect(registry.find('mail')?.limits.dedupeWindowSeconds).toBe(3);
    expect(registry.find('shipped')?.limits.dedupeWindowSeconds).toBeUndefined();
  });

  it('lets configuration disable a handler', async () => {
    @NotificationHandler({ names: () => [] })
    class SwitchedOff extends Handles {}
    expect((await registryOf(SwitchedOff)).names).toEqual([]);
  });

  it('refuses to start when two handlers have the same name', async () => {
    @NotificationHandler('shipped')
    class OtherShipped extends Handles {}
    await expect(registryOf(Shipped, OtherShipped)).rejects.toThrow(
      /Shipped and OtherShipped both handle "shipped".*replaces: true/,
    );
  });

  it.each([[[Shipped, BetterShipped]], [[BetterShipped, Shipped]]])(
    'lets one handler replace the other, in any order',
    async (handlers) => {
      expect((await registryOf(...handlers)).find('shipped')?.className).toBe('BetterShipped');
    },
  );

  it('refuses two handlers that replace the same one', async () => {
    await expect(registryOf(Shipped, BetterShipped, BestShipped)).rejects.toThrow(
      /BetterShipped and BestShipped/,
    );
  });

  it('lists every class that is not a handler, and every invalid option', async () => {
    await expect(registryOf(NoHandle, NoName, OddOptions)).rejects.toThrow(
      /NoHandle has no method handle[^]*NoName has no notification name[^]*OddOptions has an invalid concurrency[^]*OddOptions has an invalid timeoutMs[^]*OddOptions has an invalid dedupeWindowSeconds[^]*OddOptions has attributes: NoRules/,
    );
  });

  it('refuses two classes with the same name', async () => {
    @NotificationHandler('elsewhere')
    class Other extends Handles {}
    Object.defineProperty(Other, 'name', { value: 'Shipped' });
    await expect(registryOf(Shipped, Other)).rejects.toThrow(/two handlers are called Shipped/);
  });

  it('finds handlers by exact name first, then by pattern, and counts under the pattern', async () => {
    const registry = await registryOf(AllOfConnect, Shipped);
    expect(registry.find('fc.connect.anything')?.className).toBe('AllOfConnect');
    expect(registry.labelOf('fc.connect.anything')).toBe('fc.connect.*');
    expect(registry.find('shipped')?.className).toBe('Shipped');
    expect(registry.labelOf('shipped')).toBe('shipped');
    expect(registry.find('fc.other')).toBeUndefined();
    expect(registry.labelOf('fc.other')).toBe('other');
    expect(registry.names).toEqual(['shipped', 'fc.connect.*']);
  });

  it('refuses patterns that match the same names, unless one replaces the other', async () => {
    await expect(registryOf(AllOfConnect, AllShipped)).rejects.toThrow(
      /AllOfConnect \("fc.connect.\*"\) and AllShipped \("\*.shipped"\) match the same names.*replaces: true/,
    );
    for (const handlers of [
      [AllOfConnect, BetterAllShipped],
      [BetterAllShipped, AllOfConnect],
    ]) {
      const registry = await registryOf(...handlers);
      expect(registry.find('fc.connect.shipped')?.className).toBe('BetterAllShipped');
      expect(registry.find('fc.connect.packed')?.className).toBe('AllOfConnect');
    }
  });

  it.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('coalesce is broken');
      },
    ],
    ['returns an object', () => ({})],
    ['returns a text that is too long', () => 'x'.repeat(2000)],
    ['is async and fails', async () => Promise.reject(new Error('late'))],
  ])(
    'runs notifications without coalesce and expectedState when the option %s, and logs it once',
    async (_, option) => {
      @NotificationHandler({
        names: 'fragile',
        coalesce: option as () => string,
        expectedState: option as () => string,
      })
      class Fragile extends Handles {}
      const complain = vi.spyOn(Logger.prototype, 'error').mockReturnValue();
      const handler = (await registryOf(Fragile)).find('fragile');
      for (let n = 0; n < 3; n++) {
        expect(handler?.coalesceKey(notification)).toBeUndefined();
        expect(handler?.expectedState(notification)).toBeUndefined();
      }
      expect(complain.mock.calls.map(([message]) => message)).toEqual([
        expect.stringMatching(/^coalesce of Fragile/),
        expect.stringMatching(/^expectedState of Fragile/),
      ]);
    },
  );

  it('counts a class that two tokens provide once', async () => {
    const registry = await registryOf(Shipped, { provide: 'alias', useClass: Shipped });
    expect(registry.names).toEqual(['shipped']);
  });

  it('coalesces by handler, account, retailer and entity, and only with the option', async () => {
    const registry = await registryOf(Shipped, Configured);
    expect(registry.find('shipped')?.coalesceKey(notification)).toBeUndefined();
    const key = (fields: Partial<FluentNotification>) =>
      registry.find('x')?.coalesceKey({ ...notification, ...fields });
    expect(key({})).toBe(key({ id: 'another' }));
    expect(
      new Set([key({}), key({ accountId: 'B' }), key({ retailerId: '2' }), key({ entityId: '6' })]).size,
    ).toBe(4);
    expect(registry.find('x')?.expectedState(notification)).toBe('R');
  });
});
