import { Injectable } from '@nestjs/common';
import {
  CommercetoolsClient,
  OrderUpdate,
  gql,
  type CommercetoolsOrder,
  type CommercetoolsRequestOptions,
  type OrderUpdateAction,
  type RetailerScope,
} from 'fluent-commercetools-connector';

const UPDATE = gql`
  mutation OurUpdate($id: String!, $version: Long!, $actions: [OrderUpdateAction!]!) {
    updateOrder(id: $id, version: $version, actions: $actions) {
      lastModifiedAt
    }
  }
`;

/** Sends another mutation: this one asks for the time of the update. */
@Injectable()
export class OurOrderUpdate extends OrderUpdate {
  constructor(private readonly client: CommercetoolsClient) {
    super();
  }

  override async apply(
    { id, version }: CommercetoolsOrder,
    actions: readonly OrderUpdateAction[],
    { project }: RetailerScope,
    options?: CommercetoolsRequestOptions,
  ): Promise<void> {
    await this.client.mutate(project.key, UPDATE, { id, version, actions }, options);
  }
}
