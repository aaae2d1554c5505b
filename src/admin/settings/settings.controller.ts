import { Get, HttpCode, Injectable, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Replicas } from '../overview/replicas.js';
import { answers } from '../schema.js';
import { MappingSettingsView } from './mapping-settings.js';
import { IgnoredView, RefreshQuery, SettingsView } from './settings-schemas.js';

const tags = ['settings'];

/** What the connector reads of Fluent's configuration, and what of Fluent's webhooks it has no use for. */
@Injectable()
export class SettingsController {
  constructor(
    private readonly settings: MappingSettingsView,
    private readonly replicas: Replicas,
  ) {}

  @Get('settings')
  @RouteSchema({
    operationId: 'listSettings',
    summary:
      'List the mapping settings that this replica uses: from where, how old, and what is wrong with them.',
    tags,
    response: answers('A line for each configured retailer and mapping.', SettingsView),
  })
  list(): Promise<SettingsView> {
    return this.settings.list();
  }

  @Post('settings/refresh')
  @HttpCode(200)
  @RouteSchema({
    operationId: 'refreshSettings',
    summary: 'Read the mapping settings from Fluent again, in all replicas.',
    description:
      'This replica reads them at once, and the others when they need them next, within two seconds.',
    tags,
    querystring: RefreshQuery,
    response: answers('The settings as they are now.', SettingsView),
  })
  refresh(): Promise<SettingsView> {
    return this.settings.refresh();
  }

  @Get('ignored')
  @RouteSchema({
    operationId: 'listIgnored',
    summary: 'List the names of webhooks that no handler took.',
    tags,
    response: answers('Names with their counts.', IgnoredView),
  })
  async ignored(): Promise<IgnoredView> {
    return { ignored: [...(await this.replicas.ignored())] };
  }
}
