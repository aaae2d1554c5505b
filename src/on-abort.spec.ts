import { getEventListeners } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { type Abortable, abortablesOf, onAbort } from './on-abort.js';

describe('onAbort', () => {
  it('calls every listener once when the signal is aborted, except those that were taken away', () => {
    const abort = new AbortController();
    const [first, second, gone] = [vi.fn<() => void>(), vi.fn<() => void>(), vi.fn<() => void>()];
    onAbort(abort.signal, first);
    onAbort(abort.signal, second);
    onAbort(abort.signal, gone)();
    abort.abort();
    expect([first, second, gone].map(({ mock }) => mock.calls.length)).toEqual([1, 1, 0]);
  });

  it('calls a listener at once when the signal is aborted already', () => {
    const listener = vi.fn<() => void>();
    onAbort(AbortSignal.abort(), listener);
    expect(listener).toHaveBeenCalledOnce();
  });

  it('counts a function that listens twice as two listeners', () => {
    const abort = new AbortController();
    const listener = vi.fn<() => void>();
    const remove = onAbort(abort.signal, listener);
    onAbort(abort.signal, listener);
    remove();
    abort.abort();
    expect(listener).toHaveBeenCalledOnce();
  });

  it('adds one event listener to a signal, however many listen', () => {
    const { signal } = new AbortController();
    for (let listeners = 0; listeners < 50; listeners++) onAbort(signal, () => undefined);
    expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  });
});

describe('abortablesOf', () => {
  it('ends each wait once, with the reason, except those that are over', () => {
    const abort = new AbortController();
    const waiting = (): Abortable & { reasons: unknown[] } => {
      const reasons: unknown[] = [];
      return { reasons, abort: (reason) => void reasons.push(reason) };
    };
    const [first, over] = [waiting(), waiting()];
    const all = abortablesOf(abort.signal);
    all.add(first).add(over);
    expect(abortablesOf(abort.signal)).toBe(all);
    all.delete(over);
    const reason = new Error('shutting down');
    abort.abort(reason);
    expect([first.reasons, over.reasons]).toEqual([[reason], []]);
  });
});
