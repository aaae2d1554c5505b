import { Injectable } from '@nestjs/common';
import {
  CommercetoolsClient,
  OrderUpdate,
  gql,
  type CommercetoolsOrder,
  type CommercetoolsRequestOptions,
  type OrderUpdateAction,
  type RetailerScope,
  type TypedDocumentNode,
} from 'fluent-commercetools-connector';
import { Audit } from './audit.module.js';

interface Variables extends Record<string, unknown> {
  id: string;
  version: number;
  actions: readonly OrderUpdateAction[];
}

const UPDATE_ORDER: TypedDocumentNode<
  { updateOrder: { orderNumber: string | null; version: number } | null },
  Variables
> = gql`
  mutation AuditedUpdate($id: String!, $version: Long!, $actions: [OrderUpdateAction!]!) {
    updateOrder(id: $id, version: $version, actions: $actions) {
      orderNumber
      version
    }
  }
`;

/**
 * This mutation asks for the version that the update produced, and records it. Like the
 * default, it names the version that was read, and leaves conflicts to the caller.
 */
@Injectable()
export class AuditedOrderUpdate extends OrderUpdate {
  constructor(
    private readonly client: CommercetoolsClient,
    private readonly audit: Audit,
  ) {
    super();
  }

  override async apply(
    { id, version }: CommercetoolsOrder,
    actions: readonly OrderUpdateAction[],
    { project }: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<void> {
    const variables = { id, version, actions };
    const { updateOrder } = await this.client.mutate(project.key, UPDATE_ORDER, variables, options);
    if (updateOrder) this.audit.record({ ...updateOrder, actions: actions.flatMap(Object.keys) });
  }
}
