import { Injectable } from '@nestjs/common';
import { ConnectorConfig, type MappingKind, type RetailerScope } from '../../config/index.js';
import { asError } from '../../errors.js';
import { inspectMapping, settingNames } from '../../mapping/index.js';
import { FluentSettingsSource, SettingsSource } from '../../settings/index.js';
import { Replicas } from '../overview/replicas.js';
import type { SettingsView } from './settings-schemas.js';

/** Retailers in one answer. */
const MAX_RETAILERS = 100;
const KINDS: readonly MappingKind[] = ['order', 'payment', 'shipping'];

type Line = SettingsView['settings'][number];

interface Wanted {
  readonly scope: RetailerScope;
  readonly mapping: MappingKind;
  readonly names: readonly string[];
}

/** The mapping settings of every configured retailer, as this replica uses them. */
@Injectable()
export class MappingSettingsView {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly settings: SettingsSource,
    private readonly fluentSettings: FluentSettingsSource,
    private readonly replicas: Replicas,
  ) {}

  async list(): Promise<SettingsView> {
    return { settings: await Promise.all(this.wanted().map((each) => this.line(each))) };
  }

  /** Lets every replica read all of them again, and then lists them. What cannot be read is told by the list. */
  async refresh(): Promise<SettingsView> {
    await this.replicas.refreshSettings();
    if (this.settings === this.fluentSettings) {
      await Promise.allSettled(
        this.wanted().map(({ scope, names }) => this.fluentSettings.refresh(scope, names)),
      );
    }
    return this.list();
  }

  private wanted(): readonly Wanted[] {
    const scopes = this.config.scopes().slice(0, MAX_RETAILERS);
    return scopes.flatMap((scope) =>
      KINDS.flatMap((mapping) => {
        const configured = scope.mappingSettings[mapping];
        return configured === undefined ? [] : [{ scope, mapping, names: settingNames(mapping, configured) }];
      }),
    );
  }

  private async line({ scope, mapping, names }: Wanted): Promise<Line> {
    const line = {
      account: scope.account.id,
      retailer: scope.retailerId,
      mapping,
      names: [...names],
      found: false,
      entries: {},
    };
    try {
      const setting = await this.settings.get(scope, names);
      if (!setting) return { ...line, problems: [`setting ${names.join(' or ')} does not exist`] };
      const { states, problems } = inspectMapping(mapping, setting);
      const cached =
        this.settings === this.fluentSettings ? this.fluentSettings.cached(scope, names) : undefined;
      return {
        ...line,
        found: true,
        name: setting.name,
        context: setting.context,
        entries: Object.fromEntries(states),
        problems: [...problems],
        ...(cached && { readAt: cached.readAt.toISOString(), isStale: cached.isStale }),
      };
    } catch (error) {
      return { ...line, problems: [asError(error).message] };
    }
  }
}
