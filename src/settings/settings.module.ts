import { Global, Module } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { FileSettingsSource } from './file-settings-source.js';
import { FluentSettingsSource } from './fluent-settings-source.js';
import { SettingsSource } from './settings-source.js';

/** Named settings: from Fluent, cached, or from `SETTINGS_FILE`. */
@Global()
@Module({
  providers: [
    FluentSettingsSource,
    FileSettingsSource,
    {
      provide: SettingsSource,
      inject: [ConnectorConfig, FluentSettingsSource, FileSettingsSource],
      useFactory: (
        { settingsFile }: ConnectorConfig,
        fluent: FluentSettingsSource,
        file: FileSettingsSource,
      ): SettingsSource => (settingsFile === undefined ? fluent : file),
    },
  ],
  exports: [FluentSettingsSource, FileSettingsSource, SettingsSource],
})
export class SettingsModule {}
