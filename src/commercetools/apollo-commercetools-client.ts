import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { Injectable } from '@nestjs/common';
import { promiseOf } from '../call-override.js';
import { ConnectorConfig, type ProjectConfig } from '../config/index.js';
import { ConfigurationError } from '../errors.js';
import { type GraphqlEndpoint, GraphqlEndpoints } from '../graphql/index.js';
import { classifyCommercetoolsFailure } from './classify-commercetools-failure.js';
import { CommercetoolsClient, type CommercetoolsRequestOptions } from './commercetools-client.js';

/** Talks to commercetools with Apollo Client's link; nothing is cached. */
@Injectable()
export class ApolloCommercetoolsClient extends CommercetoolsClient {
  private readonly endpoints: ReadonlyMap<string, GraphqlEndpoint>;

  constructor(config: ConnectorConfig, endpoints: GraphqlEndpoints) {
    super();
    this.endpoints = new Map(config.projects.map((project) => [project.key, open(project, endpoints)]));
  }

  query<TData, TVariables extends OperationVariables>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData> {
    return promiseOf(() => this.endpoint(projectKey).execute(document, variables, options));
  }

  mutate<TData, TVariables extends OperationVariables>(
    projectKey: string,
    document: TypedDocumentNode<TData, TVariables>,
    variables: TVariables,
    options?: CommercetoolsRequestOptions,
  ): Promise<TData> {
    return promiseOf(() => this.endpoint(projectKey).execute(document, variables, options));
  }

  /**
   * Makes sure that there is a valid token for a project.
   *
   * @throws ConfigurationError or TransientError when there is none.
   * @internal
   */
  async authorize(projectKey: string, signal?: AbortSignal): Promise<void> {
    await this.endpoint(projectKey).authorize(signal);
  }

  private endpoint(projectKey: string): GraphqlEndpoint {
    const endpoint = this.endpoints.get(projectKey);
    if (!endpoint) throw new ConfigurationError(`commercetools project ${projectKey} is not configured`);
    return endpoint;
  }
}

function open(project: ProjectConfig, endpoints: GraphqlEndpoints): GraphqlEndpoint {
  const basic = Buffer.from(`${project.clientId}:${project.clientSecret}`).toString('base64');
  return endpoints.open({
    target: `commercetools:${project.key}`,
    subject: {
      owner: `commercetools project ${project.key}`,
      credentialVariables: 'CTP_CLIENT_ID, CTP_CLIENT_SECRET, CTP_SCOPES',
      urlVariable: 'CTP_API_URL, CTP_AUTH_URL and CTP_PROJECT_KEY',
      credentials: [basic, project.clientId, project.clientSecret],
    },
    url: `${project.apiUrl}/${encodeURIComponent(project.key)}/graphql`,
    token: {
      url: `${project.authUrl}/oauth/token`,
      headers: { authorization: `Basic ${basic}` },
      form: { grant_type: 'client_credentials', scope: project.scopes },
    },
    classify: classifyCommercetoolsFailure,
    complexityLimit: COMPLEXITY_LIMIT,
    // Of a request that notifications share, as many ids as fit.
    headersOf: (correlationIds): Record<string, string> =>
      correlationIds.length > 0 ? { 'x-correlation-id': correlationHeader(correlationIds.join('/')) } : {},
  });
}

/** commercetools refuses more complex queries. */
const COMPLEXITY_LIMIT = 20_000;

/** commercetools accepts 8 to 256 of these characters. */
const UNSAFE = /[^A-Za-z0-9_/-]/g;

/** @returns the text as an `X-Correlation-ID`. Notification ids are free text and could break the header. */
export function correlationHeader(text: string): string {
  return text.slice(0, 256).replace(UNSAFE, '-').padEnd(8, '-');
}
