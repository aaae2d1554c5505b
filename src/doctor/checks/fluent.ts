import { gql, type TypedDocumentNode } from '@apollo/client';
import { nameOf } from '../../call-override.js';
import type { AccountConfig } from '../../config/index.js';
import { asError } from '../../errors.js';
import { FluentEvents } from '../../fluent-events/index.js';
import { ApolloFluentClient, FluentClient, FluentEndpoints } from '../../fluent/index.js';
import { type Check, type CheckContext, type Finding, fail, pass, skip, warn } from '../finding.js';

const ORDERS: TypedDocumentNode<unknown, Record<string, never>> = gql`
  query DoctorOrders {
    orders(first: 1) {
      edges {
        node {
          id
          ref
          status
          updatedOn
        }
      }
    }
  }
`;
const SETTINGS: TypedDocumentNode<unknown, Record<string, never>> = gql`
  query DoctorSettings {
    settings(first: 1) {
      edges {
        node {
          name
        }
      }
    }
  }
`;

/** The subject of the first finding about an account. When it failed, nothing can be read from the account. */
export function fluentToken(accountId: string): string {
  return `Fluent account ${accountId}: token`;
}

/** The token of every account, and what its user may read. */
export const fluentCheck: Check = {
  name: 'fluent',
  async *run(context) {
    for (const account of context.config.accounts) yield* checkAccount(account, context);
  },
};

async function* checkAccount({ id }: AccountConfig, context: CheckContext): AsyncGenerator<Finding> {
  const { services, config, signal } = context;
  const client = services.get(FluentClient, { strict: false });
  const rights = ['orders', 'settings', 'events'].map((right) => `Fluent account ${id}: ${right}`);
  const [orders = '', settings = '', events = ''] = rights;
  if (client instanceof ApolloFluentClient) {
    try {
      await services.get(FluentEndpoints, { strict: false }).graphql(id).authorize(signal);
      yield pass(fluentToken(id), 'granted');
    } catch (error) {
      yield fail(fluentToken(id), asError(error).message);
      for (const subject of rights) yield skip(subject, 'needs a token');
      return;
    }
  } else {
    yield skip(fluentToken(id), `${nameOf(client)} reads from Fluent in place of the default`);
  }
  yield await allowed(orders, () => client.query(id, ORDERS, {}, { signal }));
  yield config.settingsFile === undefined
    ? await allowed(settings, () => client.query(id, SETTINGS, {}, { signal }))
    : skip(settings, 'settings come from SETTINGS_FILE');
  if (!config.statusHistory.isOn) {
    yield skip(events, 'STATUS_HISTORY=off');
    return;
  }
  const readEvents = async (): Promise<void> => {
    const found = services
      .get(FluentEvents, { strict: false })
      .find({}, { accountId: id, pageSize: 1, signal });
    await found[Symbol.asyncIterator]().next();
  };
  const finding = await allowed(events, readEvents);
  yield finding.status === 'fail'
    ? warn(
        events,
        finding.message,
        'allow the user to read events, or set STATUS_HISTORY=off and give each status an entry in every mapping',
      )
    : finding;
}

async function allowed(subject: string, read: () => Promise<unknown>): Promise<Finding> {
  try {
    await read();
    return pass(subject, 'readable');
  } catch (error) {
    return fail(subject, asError(error).message);
  }
}
