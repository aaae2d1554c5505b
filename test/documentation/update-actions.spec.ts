import { readFileSync } from 'node:fs';
import { type GraphQLInputObjectType, buildSchema } from 'graphql';
import { expect, it } from 'vitest';
import { COMMERCETOOLS_SDL } from '../../src/testing/index.js';

it('the reference names the update actions that are typed, which are those of the emulator', () => {
  const [, list = ''] = /^Update actions are typed[^]*?: ([^]*?)\. The test kit's/m.exec(
    readFileSync('docs/extending/reference.md', 'utf8'),
  )!;
  const named = [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  const [, types = ''] = /interface OrderUpdateActions \{([^]*?)\n\}/.exec(
    readFileSync('src/commercetools/order-update-actions.ts', 'utf8'),
  )!;
  expect(named).toEqual([...types.matchAll(/readonly (\w+):/g)].map(([, name]) => name));
  const emulated = buildSchema(COMMERCETOOLS_SDL).getType('OrderUpdateAction') as GraphQLInputObjectType;
  expect(named.toSorted()).toEqual(Object.keys(emulated.getFields()).toSorted());
});
