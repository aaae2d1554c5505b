import { MessageQueue } from '../../delivery/index.js';
import { asError } from '../../errors.js';
import { RedisConnections } from '../../redis/index.js';
import { type Check, hasFailed, pass, skip, warn } from '../finding.js';

/** As in `/health`: longer than usual retries take. */
const STUCK_SECONDS = 900;

/** What waits in the queue, and what failed for good. */
export const queueCheck: Check = {
  name: 'queue',
  async *run(context) {
    if (hasFailed(context, 'Redis')) {
      yield skip('queue', 'Redis does not answer');
      return;
    }
    try {
      await context.services.get(RedisConnections, { strict: false }).opened();
      const counts = await context.services.get(MessageQueue, { strict: false }).counts();
      const { waiting, active, delayed, dead, oldestUnfinishedAt } = counts;
      const ageSeconds = oldestUnfinishedAt
        ? Math.round((Date.now() - oldestUnfinishedAt.getTime()) / 1000)
        : 0;
      const text = `${waiting + active + delayed} unfinished, the oldest for ${ageSeconds} s`;
      yield ageSeconds > STUCK_SECONDS
        ? warn(
            'queue',
            text,
            'the log lines "notification retried" name the error; run `order REF` for one of them',
          )
        : pass('queue', text);
      yield dead > 0
        ? warn(
            'dead letters',
            `${dead}`,
            'run `dead-letters list`, remove the cause, then run `dead-letters replay`',
          )
        : pass('dead letters', 'none');
    } catch (error) {
      yield skip('queue', `not known: ${asError(error).message}`);
    }
  },
};
