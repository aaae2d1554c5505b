import { format, resolveConfig } from 'prettier';
import { expect, it } from 'vitest';
import { orderActionTypes } from '../../test/support/order-action-types.js';
import { commercetoolsSchema } from '../testing/commercetools/commercetools-schema.js';

const FILE = 'order-update-actions.ts';

it('types every update action that the emulator takes', async () => {
  const options = await resolveConfig(`${import.meta.dirname}/${FILE}`);
  const types = await format(orderActionTypes(commercetoolsSchema), { ...options, parser: 'typescript' });
  await expect(types).toMatchFileSnapshot(FILE);
});
