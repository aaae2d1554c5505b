import { IsString, MinLength } from 'class-validator';

/** The application's own variables. */
export class Settings {
  /** The file of the queue, which every process of the connector opens. */
  @IsString()
  @MinLength(1)
  QUEUE_FILE = 'queue.db';
}
