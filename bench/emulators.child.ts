// Both emulators in a process of their own, as the real systems would be.
import { CommercetoolsEmulator, FluentEmulator } from '../src/testing/index.js';

/** What the parent may ask. */
type Question =
  | { kind: 'add'; from: number; count: number; status: string }
  | { kind: 'move'; from: number; count: number; status: string }
  | { kind: 'latency'; ms: number }
  | { kind: 'calls' }
  | { kind: 'disagreeing'; status: string; orderState: string };

const fluent = await new FluentEmulator({
  webhookKeys: { privateKey: '', publicKey: process.env['PUBLIC_KEY'] ?? '' },
}).start();
const commercetools = await new CommercetoolsEmulator().start();
fluent.useReferenceMappings();

const count = (operation: string): number =>
  fluent.requests.count(operation) + commercetools.requests.count(operation);

const answer = (question: Question): unknown => {
  switch (question.kind) {
    case 'add':
      for (let i = question.from; i < question.from + question.count; i++) {
        fluent.addOrder({ id: String(i), ref: `O_${i}`, status: question.status });
        commercetools.addOrder({ orderNumber: `O_${i}` });
      }
      return {};
    case 'move':
      for (let i = question.from; i < question.from + question.count; i++) {
        fluent.setStatus(String(i), question.status);
      }
      return {};
    case 'latency':
      fluent.faults.set({ kind: 'latency', ms: question.ms });
      commercetools.faults.set({ kind: 'latency', ms: question.ms });
      return {};
    case 'calls':
      return {
        calls: count('graphql') + count('rest'),
        tokens: count('token'),
      };
    case 'disagreeing':
      return {
        orders: fluent.orders.filter(
          ({ ref, status }) =>
            status === question.status && commercetools.order(ref)?.orderState !== question.orderState,
        ).length,
      };
  }
};

process.on('message', (question: Question) => process.send?.(answer(question)));
process.send?.({ ...fluent.environment, ...commercetools.environment });
