import { Global, Module } from '@nestjs/common';
import { FluentSettingsSource } from './fluent-settings-source.js';
import { SettingsSource } from './settings-source.js';

/** Named settings, cached. */
@Global()
@Module({
  providers: [FluentSettingsSource, { provide: SettingsSource, useExisting: FluentSettingsSource }],
  exports: [FluentSettingsSource, SettingsSource],
})
export class SettingsModule {}
