import { Global, Module } from '@nestjs/common';
import { SettingsStatusMapper } from './settings-status-mapper.js';
import { StatusMapper } from './status-mapper.js';

/** From a Fluent status to commercetools states. */
@Global()
@Module({
  providers: [SettingsStatusMapper, { provide: StatusMapper, useExisting: SettingsStatusMapper }],
  exports: [SettingsStatusMapper, StatusMapper],
})
export class MappingModule {}
