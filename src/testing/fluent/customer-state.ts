import type { FluentAttributeRecord } from './fluent-state.js';

/** A customer in the Fluent emulator. */
export interface FluentCustomerRecord {
  readonly id: string;
  /** The user name. */
  readonly ref: string;
  readonly username: string;
  readonly status: string;
  readonly firstName: string;
  readonly lastName: string | null;
  readonly primaryEmail: string;
  readonly primaryPhone: string | null;
  readonly country: string | null;
  readonly attributes: readonly FluentAttributeRecord[];
}

/** What a new customer needs. */
export type NewFluentCustomer = Partial<Omit<FluentCustomerRecord, 'ref' | 'username'>> & {
  readonly username: string;
};

/** A payment or refund of an order in the Fluent emulator. */
export interface FinancialTransactionRecord {
  readonly sequence: number;
  readonly id: string;
  readonly orderId: string;
  readonly ref: string;
  readonly type: string;
  readonly status: string;
  readonly total: number;
  readonly currency: string;
  readonly externalTransactionCode: string | null;
  readonly externalTransactionId: string | null;
  readonly cardType: string | null;
  readonly paymentMethod: string | null;
  readonly paymentProviderName: string | null;
  readonly createdOn: string;
  readonly updatedOn: string;
}

/** The customers of one emulated account, and the payments of its orders. */
export class EmulatedCustomers {
  readonly #customers = new Map<string, FluentCustomerRecord>();
  readonly #transactions: FinancialTransactionRecord[] = [];

  /** @internal */
  constructor(private readonly now: () => number) {}

  /** Every customer, oldest first. */
  get all(): readonly FluentCustomerRecord[] {
    return [...this.#customers.values()];
  }

  /** Every financial transaction, oldest first. */
  get transactions(): readonly FinancialTransactionRecord[] {
    return this.#transactions;
  }

  /** @returns the customer, or undefined. */
  get(id: string): FluentCustomerRecord | undefined {
    return this.#customers.get(id);
  }

  /** @returns the customer with that user name, or undefined. */
  byRef(ref: string): FluentCustomerRecord | undefined {
    return this.all.find((customer) => customer.ref === ref);
  }

  /**
   * From the first customer on, the emulator refuses to create orders of customers that it does not have. Without any
   * customer, it accepts every customer id.
   *
   * @throws Error when the id or the user name is taken.
   */
  add(customer: NewFluentCustomer): FluentCustomerRecord {
    const { username, id = String(5001 + this.#customers.size) } = customer;
    if (this.get(id) || this.byRef(username)) {
      throw new Error(`Fluent emulator: a customer ${id} or with the user name ${username} exists`);
    }
    const added: FluentCustomerRecord = {
      status: 'ACTIVE',
      firstName: username,
      lastName: null,
      primaryEmail: `${username}@example.com`,
      primaryPhone: null,
      country: null,
      attributes: [],
      ...customer,
      id,
      ref: username,
    };
    this.#customers.set(id, added);
    return added;
  }

  /** Stores a payment or refund. */
  addTransaction(
    transaction: Omit<FinancialTransactionRecord, 'sequence' | 'id' | 'status' | 'createdOn' | 'updatedOn'>,
  ): FinancialTransactionRecord {
    const sequence = this.#transactions.length + 1;
    const time = new Date(this.now()).toISOString();
    const id = String(6000 + sequence);
    const added = { ...transaction, sequence, id, status: 'ACTIVE', createdOn: time, updatedOn: time };
    this.#transactions.push(added);
    return added;
  }
}
