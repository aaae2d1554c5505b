import { readFileSync } from 'node:fs';
import { Module } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { IsOptional, IsString, Length, Matches, validateSync } from 'class-validator';

/**
 * The application's own variables, beside those of the connector. Each can also come from a file: `NAME_FILE` has its
 * path, as for secrets of the Helm chart.
 */
export class Settings {
  /** The custom field that shows an order's tracking number in commercetools. */
  @Matches(/^[A-Za-z0-9_-]{2,36}$/)
  TRACKING_FIELD = 'trackingNumber';

  /** The key of the type that has this field. */
  @Matches(/^[A-Za-z0-9_-]{2,256}$/)
  TRACKING_TYPE = 'fluent-tracking';

  /** An example of a secret: nothing uses it yet. */
  @IsOptional()
  @IsString()
  @Length(16)
  CARRIER_TOKEN?: string;
}

/** @throws Error that names every variable with a problem, and no value. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const names = ['TRACKING_FIELD', 'TRACKING_TYPE', 'CARRIER_TOKEN'] satisfies (keyof Settings)[];
  const given = names.flatMap((name) => {
    const path = environment[`${name}_FILE`];
    const value = path ? readFileSync(path, 'utf8').trim() : environment[name];
    return value ? [[name, value]] : [];
  });
  const settings = plainToInstance(Settings, Object.fromEntries(given));
  const problems = validateSync(settings).flatMap(({ constraints }) => Object.values(constraints ?? {}));
  if (problems.length > 0) throw new Error(`wrong settings: ${problems.join('; ')}`);
  return settings;
}

@Module({
  providers: [{ provide: Settings, useFactory: () => readSettings(process.env) }],
  exports: [Settings],
})
export class SettingsModule {}
