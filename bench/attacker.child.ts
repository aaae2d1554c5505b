// One attack at a time, in a process of its own, so that it does not slow the client that measures.
import { setMaxListeners } from 'node:events';
import { ATTACKS, type AttackTarget } from '../test/support/attacks.js';

/** What the parent may ask. */
type Order = { readonly attack: string; readonly target: AttackTarget } | { readonly attack: null };

let running: { stop: AbortController; ended: Promise<void> } | undefined;

async function obey(order: Order): Promise<void> {
  running?.stop.abort();
  await running?.ended;
  running = undefined;
  if (order.attack !== null) {
    const stop = new AbortController();
    setMaxListeners(0, stop.signal);
    running = { stop, ended: ATTACKS[order.attack]!(order.target, stop.signal) };
  }
  process.send?.({});
}

process.on('message', (order: Order) => void obey(order));
process.send?.({});
