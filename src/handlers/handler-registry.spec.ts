import { Injectable, Module, type Provider } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';
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
  announces: (n) => n.entityRef,
})
@Injectable()
class Configured extends Handles {}

@NotificationHandler('broken')
@Injectable()
class NoHandle {}

@NotificationHandler([])
@Injectable()
class NoName extends Handles {}

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

  it('refuses to start when two handlers have one name', async () => {
    @NotificationHandler('shipped')
    class OtherShipped extends Handles {}
    await expect(registryOf(Shipped, OtherShipped)).rejects.toThrow(
      /Shipped and OtherShipped both handle "shipped".*replaces: true/,
    );
  });

  it.each([[[Shipped, BetterShipped]], [[BetterShipped, Shipped]]])(
    'lets one say that it replaces the other, in any order',
    async (handlers) => {
      expect((await registryOf(...handlers)).find('shipped')?.className).toBe('BetterShipped');
    },
  );

  it('refuses two that replace the same', async () => {
    await expect(registryOf(Shipped, BetterShipped, BestShipped)).rejects.toThrow(
      /BetterShipped and BestShipped/,
    );
  });

  it('lists every class that is no handler', async () => {
    await expect(registryOf(NoHandle, NoName)).rejects.toThrow(
      /NoHandle has no method handle[^]*NoName names no/,
    );
  });

  it('counts a class that two tokens provide once', async () => {
    const registry = await registryOf(Shipped, { provide: 'alias', useClass: Shipped });
    expect(registry.names).toEqual(['shipped']);
  });

  it('coalesces per handler, account, retailer and entity, and only when asked', async () => {
    const registry = await registryOf(Shipped, Configured);
    expect(registry.find('shipped')?.coalesceKey(notification)).toBeUndefined();
    const key = (fields: Partial<FluentNotification>) =>
      registry.find('x')?.coalesceKey({ ...notification, ...fields });
    expect(key({})).toBe(key({ id: 'another' }));
    expect(
      new Set([key({}), key({ accountId: 'B' }), key({ retailerId: '2' }), key({ entityId: '6' })]).size,
    ).toBe(4);
    expect(registry.find('x')?.announces(notification)).toBe('R');
  });
});
