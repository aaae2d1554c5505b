import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type DocumentNode, Kind, parse, validate } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CommercetoolsEmulator, FluentEmulator } from '../../src/testing/index.js';
import { commercetoolsSchema } from '../../src/testing/commercetools/commercetools-schema.js';
import { fluentSchema } from '../../src/testing/fluent/fluent-schema.js';
import { EmulatorSession } from '../support/emulator-session.js';
import { pages } from './markdown.js';

interface DocumentedOperation {
  readonly title: string;
  readonly text: string;
  readonly document: DocumentNode;
}

/** Every GraphQL operation of the pages and of the examples; where a page shortens one with an ellipsis, it is left out. */
function documentedOperations(): DocumentedOperation[] {
  const examples = readdirSync('examples').flatMap((example) => {
    const folder = join('examples', example, 'src');
    return readdirSync(folder).map((name) => join(folder, name));
  });
  const sources = [...pages(), ...examples];
  return sources.flatMap((path) => {
    const text = readFileSync(path, 'utf8');
    const blocks = [...text.matchAll(/^\s*```graphql\n([^]*?)^\s*```/gm), ...text.matchAll(/gql`([^]*?)`/g)];
    return blocks
      .map(([, code = '']) => code)
      .filter((code) => !code.includes('…'))
      .map((code) => {
        const operation = withOperation(code);
        const title = `${path}: ${code.trim().split('\n', 1)[0]}`;
        return { title, text: operation, document: parse(operation) };
      })
      .filter(({ document }) => document.definitions.some(({ kind }) => kind === Kind.OPERATION_DEFINITION));
  });
}

/** @returns a fragment on commercetools' orders with a query that uses it, and everything else as it is. */
function withOperation(code: string): string {
  const [, name] = /^\s*fragment (\w+) on Order\b/.exec(code) ?? [];
  return name === undefined ? code : `query Read($id: String!) { order(id: $id) { ...${name} } } ${code}`;
}

let fluent: FluentEmulator;
let commercetools: CommercetoolsEmulator;
beforeAll(async () => {
  fluent = await new FluentEmulator().start();
  commercetools = await new CommercetoolsEmulator().start();
});
afterAll(() => Promise.all([fluent.stop(), commercetools.stop()]));

const OPERATIONS = documentedOperations();

it('finds the operations of the guides and of the examples', () => {
  expect(OPERATIONS.map(({ title }) => title.split(':')[0])).toEqual(
    expect.arrayContaining([
      'docs/commercetools-messages.md',
      'docs/extending/how-to.md',
      'examples/customer-messages/src/customer-message.handler.ts',
      'examples/partner-app/src/audited-order-update.ts',
    ]),
  );
});

it.each(OPERATIONS)('the emulators answer $title', async ({ text, document }) => {
  const isFluent = validate(fluentSchema, document).length === 0;
  expect(isFluent ? [] : validate(commercetoolsSchema, document)).toEqual([]);
  const session = isFluent
    ? EmulatorSession.forFluent(fluent)
    : EmulatorSession.forCommercetools(commercetools, 'manage_project:demo');
  const { id } = isFluent
    ? fluent.addOrder({ ref: crypto.randomUUID() })
    : commercetools.addOrder({ orderNumber: crypto.randomUUID() });
  const { json } = await session.graphql(text, { id, version: 1, actions: [], where: 'version = 1' });
  expect(json.errors).toBeUndefined();
  expect(Object.values(json.data as object)).not.toContain(null);
});
