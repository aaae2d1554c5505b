import type { EmulatedCustomers, NewFluentCustomer } from './customer-state.js';
import { FluentApiError } from './fluent-api-error.js';
import { filtered } from './list-filters.js';
import { type PageArguments, mapNodes, paginate } from './paging.js';

interface TransactionInput {
  readonly ref: string;
  readonly type: string;
  readonly amount: number;
  readonly currency: string;
  readonly externalTransactionCode?: string | null;
  readonly externalTransactionId?: string | null;
  readonly cardType?: string | null;
  readonly paymentMethod: string;
  readonly paymentProvider?: string | null;
  readonly order: { readonly id: string };
}

/** The code of a ref that is taken. */
export const DUPLICATE = 'C0121E';

/** The root fields about customers and payments, and the payments of one order. */
export function customerResolvers(state: EmulatedCustomers, order: (id: string) => object | null) {
  const createCustomer = (input: NewFluentCustomer) => {
    const { username } = input;
    if (state.byRef(username)) throw new FluentApiError(DUPLICATE, `a customer ${username} exists`);
    return state.add(input);
  };
  const transaction = (record: EmulatedCustomers['transactions'][number]): object => ({
    ...record,
    workflowRef: `FINANCIAL_TRANSACTION::${record.type}`,
    workflowVersion: 1,
    order: () => order(record.orderId),
  });
  return {
    createCustomer,
    transactionsOf: (orderId: string, args: PageArguments) => {
      const records = state.transactions.filter((each) => each.orderId === orderId);
      return mapNodes(paginate(filtered(records, args), args), transaction);
    },
    root: {
      customerById: ({ id }: { id: string }) => state.get(id) ?? null,
      customer: ({ ref }: { ref: string }) => state.byRef(ref) ?? null,
      createCustomer: ({ input }: { input?: NewFluentCustomer | null }) =>
        input ? createCustomer(input) : null,
      createFinancialTransaction: ({ input }: { input?: TransactionInput | null }) => {
        if (!input) return null;
        const { amount: total, paymentProvider, order: owner, ...rest } = input;
        if (!order(owner.id)) throw new FluentApiError('C0014E', `there is no order ${owner.id}`);
        if (state.transactions.some(({ ref }) => ref === input.ref)) {
          throw new FluentApiError(DUPLICATE, `a financial transaction ${input.ref} exists`);
        }
        const record = state.addTransaction({
          externalTransactionCode: null,
          externalTransactionId: null,
          cardType: null,
          ...rest,
          total,
          orderId: owner.id,
          paymentProviderName: paymentProvider ?? null,
        });
        return transaction(record);
      },
    },
  };
}
