import { gql, type TypedDocumentNode } from '@apollo/client';
import { nameOf } from '../../call-override.js';
import { ApolloCommercetoolsClient, CommercetoolsClient } from '../../commercetools/index.js';
import type { ProjectConfig } from '../../config/index.js';
import { asError } from '../../errors.js';
import { type Check, type CheckContext, type Finding, fail, pass, skip } from '../finding.js';

interface Orders {
  readonly orders: { readonly results: readonly { readonly orderNumber: string | null }[] };
}

const ORDERS: TypedDocumentNode<Orders, Record<string, never>> = gql`
  query DoctorOrders {
    orders(limit: 1) {
      results {
        id
        orderNumber
        version
        orderState
        paymentState
        shipmentState
      }
    }
  }
`;

/** The subject of the first finding about a project. When it failed, nothing can be read from the project. */
function projectToken(key: string): string {
  return `commercetools project ${key}: token`;
}

/** The token of every project, its scopes, and whether an order can be read. */
export const commercetoolsCheck: Check = {
  name: 'commercetools',
  async *run(context) {
    for (const project of context.config.projects) yield* checkProject(project, context);
  },
};

async function* checkProject(
  { key, scopes }: ProjectConfig,
  { services, signal }: CheckContext,
): AsyncGenerator<Finding> {
  const client = services.get(CommercetoolsClient, { strict: false });
  const orders = `commercetools project ${key}: orders`;
  yield checkScopes(key, scopes);
  if (client instanceof ApolloCommercetoolsClient) {
    try {
      // commercetools refuses a token when the API client lacks one of the scopes.
      await client.authorize(key, signal);
      yield pass(projectToken(key), `granted with the scopes ${scopes}`);
    } catch (error) {
      yield fail(projectToken(key), asError(error).message);
      yield skip(orders, 'needs a token');
      return;
    }
  } else {
    yield skip(projectToken(key), `${nameOf(client)} calls commercetools in place of the default`);
  }
  try {
    const { results } = (await client.query(key, ORDERS, {}, { signal })).orders;
    yield results.length > 0 ? pass(orders, 'readable') : skip(orders, 'the project has no order yet');
  } catch (error) {
    yield fail(orders, asError(error).message);
  }
}

/** `manage_orders` may be limited to stores. */
function checkScopes(key: string, scopes: string): Finding {
  const subject = `commercetools project ${key}: scopes`;
  const needed = ['manage_orders', 'manage_project'];
  const isEnough = scopes.split(/\s+/).some((scope) => needed.includes(scope.split(':', 1)[0] ?? ''));
  return isEnough
    ? pass(subject, 'orders may be changed')
    : fail(
        subject,
        `CTP_SCOPES (${scopes}) does not allow changes of orders`,
        `add manage_orders:${key}, and use an API client that has it`,
      );
}
