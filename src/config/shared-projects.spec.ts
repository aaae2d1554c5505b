import { describe, expect, it } from 'vitest';
import { ACCOUNT, literalScope } from '../../test/support/literal-config.js';
import type { RetailerScope } from './connector-config.js';
import type { AccountScopes } from './scoped-connector-config.js';
import { sharedProjectWarnings } from './shared-projects.js';

function account(id: string, retailers: Record<string, Partial<RetailerScope>>): AccountScopes {
  const scopes = Object.entries(retailers).map(([retailerId, changes]): [string, RetailerScope] => [
    retailerId,
    { ...literalScope(), retailerId, ...changes },
  ]);
  return { account: { ...ACCOUNT, id }, retailers: new Map(scopes) };
}

const { retailerId: _, ...any } = literalScope();
const elsewhere = { project: { ...any.project, key: 'elsewhere' } };

describe('sharedProjectWarnings', () => {
  it.each<[string, AccountScopes[]]>([
    ['one retailer has a project', [account('ACME', { 1: {} }), account('OTHER', { 1: elsewhere })]],
    ['one account of any retailer has it', [{ account: ACCOUNT, retailers: new Map(), anyRetailer: any }]],
    ['refs are order ids', [account('ACME', { 1: { orderLookup: 'id' }, 2: { orderLookup: 'id' } })]],
  ])('says nothing while %s', (_name, accounts) => {
    expect(sharedProjectWarnings(accounts)).toEqual([]);
  });

  it('names the retailers and accounts that share a project, their prefixes, and what to do', () => {
    const accounts = [
      account('ACME', { 1: {}, 2: { orderRefPrefix: 'X-' }, 3: elsewhere }),
      { account: { ...ACCOUNT, id: 'OTHER' }, retailers: new Map(), anyRetailer: any },
    ];
    const warnings = sharedProjectWarnings(accounts);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`commercetools project ${any.project.key} is shared by`);
    expect(warnings[0]).toContain(
      'retailer 1 of account ACME (no prefix) and retailer 2 of account ACME (prefix X-) and account OTHER (no prefix)',
    );
    expect(warnings[0]).toContain('make sure that their refs differ after the prefix');
  });
});
