import { IsOptional, IsString, Length, Matches } from 'class-validator';

/**
 * The application's own variables. The connector validates them together with its own. Each can also come from a file:
 * `NAME_FILE` has its path, as for secrets of the Helm chart.
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
