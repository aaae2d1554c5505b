import type { ModuleRef } from '@nestjs/core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ConnectorConfig } from '../../config/index.js';
import { pass, type Check } from '../../doctor/index.js';
import { DoctorRuns } from './doctor-runs.js';

const QUICK: Check = {
  name: 'quick',
  async *run() {
    yield pass('quick', 'works');
  },
};
/** As an override that neither answers nor listens to the signal. It calls `whenStarted`. */
function hanging(whenStarted: () => void = () => undefined): Check {
  return {
    name: 'hanging',
    async *run() {
      whenStarted();
      await new Promise(() => undefined);
      yield pass('hanging', 'never');
    },
  };
}

describe('the checks inside a replica', () => {
  afterEach(() => vi.restoreAllMocks());

  const runs = () => new DoctorRuns({} as ModuleRef, {} as ConnectorConfig);
  /** Stands for the time-out of the first run. */
  const timeOut = (): AbortController => {
    const controller = new AbortController();
    vi.spyOn(AbortSignal, 'timeout').mockReturnValueOnce(controller.signal);
    return controller;
  };

  it('are refused while others run, and accepted afterwards', async () => {
    const controller = timeOut();
    const doctor = runs();
    const first = doctor.run([hanging()]);
    await expect(doctor.run([QUICK])).rejects.toMatchObject({
      status: 429,
      headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
    });
    controller.abort();
    await first;
    await expect(doctor.run([QUICK])).resolves.toMatchObject({ ok: true });
  });

  it('end when the time is over although a check hangs, and name the checks that did not end', async () => {
    const controller = timeOut();
    expect(await runs().run([QUICK, hanging(() => controller.abort())])).toEqual({
      ok: false,
      findings: [
        expect.objectContaining({ check: 'quick', status: 'pass' }),
        expect.objectContaining({
          check: 'doctor',
          status: 'fail',
          message: 'hanging did not end within 60 s',
          advice: 'run fewer checks at once',
        }),
      ],
    });
  });
});
