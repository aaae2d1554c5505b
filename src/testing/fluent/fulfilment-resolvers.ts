import { FluentApiError } from './fluent-api-error.js';
import type {
  ArticleRecord,
  ConsignmentChanges,
  ConsignmentRecord,
  EmulatedFulfilments,
  FulfilmentChanges,
  FulfilmentRecord,
} from './fulfilment-state.js';
import { filtered } from './list-filters.js';
import { type Connection, type PageArguments, mapNodes, paginate } from './paging.js';

type Identified<T> = { readonly input?: (T & { readonly id: string }) | null };

/** What fulfilments lead to outside of themselves. */
export interface FulfilmentSurroundings {
  readonly order: (id: string) => object | null;
  readonly orderItem: (orderId: string, ref: string) => object | null;
  /** The retailer of the account. */
  readonly retailer: () => object;
}

/** The root fields about fulfilments and consignments, and the fulfilments of one order. */
export function fulfilmentResolvers(state: EmulatedFulfilments, surroundings: FulfilmentSurroundings) {
  const { order, orderItem, retailer } = surroundings;

  const fulfilment = (record: FulfilmentRecord): object => ({
    ...record,
    workflowRef: `FULFILMENT::${record.type}`,
    workflowVersion: 1,
    order: () => order(record.orderId),
    fromLocation: record.fromLocationRef === null ? null : { ref: record.fromLocationRef },
    items: (args: PageArguments) => {
      const items = record.items.map((item, index) => ({ ...item, sequence: index + 1 }));
      return mapNodes(paginate(filtered(items, args), args), (item) => ({
        ...item,
        fulfilment: () => fulfilment(record),
        orderItem: () => orderItem(record.orderId, item.ref),
      }));
    },
    articles: (args: PageArguments) =>
      mapNodes(paginate(filtered(record.articles, args), args), (each) => article(each, record)),
  });

  const article = (record: ArticleRecord, { id, createdOn, updatedOn }: FulfilmentRecord): object => ({
    ...record,
    workflowRef: `ARTICLE::${record.type}`,
    workflowVersion: 1,
    createdOn,
    updatedOn,
    fulfilments: (args: PageArguments) =>
      fulfilments(
        state.all.filter((each) => each.id === id),
        args,
      ),
    consignmentArticles: (args: PageArguments) =>
      mapNodes(
        paginate(
          state.consignments.filter(({ articleIds }) => articleIds.includes(record.id)),
          args,
        ),
        (each) => ({ article: () => articleById(record.id), consignment: () => consignment(each) }),
      ),
  });

  const articleById = (id: string): object | null => {
    const owner = state.all.find(({ articles }) => articles.some((each) => each.id === id));
    const record = owner?.articles.find((each) => each.id === id);
    return owner && record ? article(record, owner) : null;
  };

  const consignment = (record: ConsignmentRecord): object => ({
    ...record,
    workflowRef: 'CONSIGNMENT::DEFAULT',
    workflowVersion: 1,
    retailer,
    carrier: record.carrier && {
      id: record.carrier.ref,
      type: 'DEFAULT',
      status: 'ACTIVE',
      ...record.carrier,
    },
    consignmentArticles: (args: PageArguments) => {
      const articles = record.articleIds.map((id, index) => ({ id, sequence: index + 1 }));
      return mapNodes(paginate(articles, args), ({ id }) => ({
        article: () => articleById(id),
        consignment: () => consignment(record),
      }));
    },
  });

  const fulfilments = (records: readonly FulfilmentRecord[], args: PageArguments): Connection<object> =>
    mapNodes(paginate(filtered(records, args), args), fulfilment);

  return {
    ofOrder: (orderId: string, args: PageArguments) =>
      fulfilments(
        state.all.filter((each) => each.orderId === orderId),
        args,
      ),
    root: {
      fulfilmentById: ({ id }: { id: string }) => represented(state.get(id), fulfilment),
      fulfilments: (args: PageArguments) => fulfilments(state.all, args),
      consignmentById: ({ id }: { id: string }) => represented(state.consignment(id), consignment),
      consignments: (args: PageArguments) =>
        mapNodes(paginate(filtered(state.consignments, args), args), consignment),
      updateFulfilment: ({ input }: Identified<FulfilmentChanges>) => {
        if (!input) return null;
        const { id, ...changes } = input;
        const known = state.get(id);
        if (!known) throw new FluentApiError('C0014E', `there is no fulfilment ${id}`);
        const unknown = changes.items?.find((item) => !known.items.some((each) => each.id === item.id));
        if (unknown) throw new FluentApiError('C0014E', `the fulfilment has no item ${unknown.id}`);
        return fulfilment(state.update(id, changes));
      },
      updateConsignment: ({ input }: Identified<ConsignmentChanges>) => {
        if (!input) return null;
        const { id, ...changes } = input;
        if (!state.consignment(id)) throw new FluentApiError('C0014E', `there is no consignment ${id}`);
        return consignment(state.updateConsignment(id, changes));
      },
    },
  };
}

function represented<T>(record: T | undefined, represent: (record: T) => object): object | null {
  return record === undefined ? null : represent(record);
}
