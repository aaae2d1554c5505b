import { HookFieldsCheck } from '../../order-status/index.js';
import { type Check, fail, hasFailed, pass, skip, warn } from '../finding.js';

/** The fields that hooks request, asked of both systems. Neither an order nor introspection is needed. */
export const hooksCheck: Check = {
  name: 'hooks',
  async *run(context) {
    let isAsked = false;
    for await (const { owner, refused, problem } of context.services
      .get(HookFieldsCheck, { strict: false })
      .verdicts(context.signal)) {
      isAsked = true;
      const subject = `fields of hooks in ${owner}`;
      if (hasFailed(context, `${owner}: token`)) yield skip(subject, 'needs a token');
      else if (problem !== undefined) yield skip(subject, `not known: ${problem}`);
      else if (refused.length === 0) yield pass(subject, 'the schema has them');
      for (const { hook, isRequired, reason } of refused) {
        yield isRequired
          ? fail(subject, `${hook}: ${reason}`, 'correct the fragment of the hook')
          : warn(
              subject,
              `orders are updated without ${hook}: ${reason}`,
              'correct the fragment of the hook',
            );
      }
    }
    if (!isAsked) yield skip('fields of hooks', 'no hook requests fields');
  },
};
