import { asError } from '../../errors.js';
import { UpstreamHttp } from '../../transport/index.js';
import { type Check, type Finding, fail, pass, skip, warn } from '../finding.js';

/** A Date header has no fractions of a second. */
const MAX_SKEW_SECONDS = 5;
/** Beyond it, tokens of pushed messages are refused, and reconciliation misses orders. */
const WRONG_SECONDS = 60;

/** The clock of this machine against those of both systems, by the HTTP header `Date`. */
export const clockCheck: Check = {
  name: 'clock',
  async *run({ config, services, signal }) {
    const http = services.get(UpstreamHttp, { strict: false });
    const addresses = new Map([
      ...config.accounts.map(({ id, baseUrl }) => [`clock and Fluent account ${id}`, baseUrl] as const),
      ...config.projects.map(
        ({ key, apiUrl }) => [`clock and commercetools project ${key}`, apiUrl] as const,
      ),
    ]);
    for (const [subject, url] of addresses) {
      const startedAt = Date.now();
      try {
        const answer = await http.fetch(`${url}/`, { method: 'GET', signal });
        yield compare(subject, answer.headers.get('date'), startedAt, Date.now());
      } catch (error) {
        yield skip(subject, `no answer: ${asError(error).message}`);
      }
    }
  },
};

/** Pure. @param header of an answer that was requested and received at these times. */
export function compare(subject: string, header: string | null, startedAt: number, endedAt: number): Finding {
  const theirs = Date.parse(header ?? '');
  if (Number.isNaN(theirs)) return skip(subject, 'the answer has no header Date');
  // Their clock was read between both times, and then rounded down to a second.
  const aheadMs = Math.max(startedAt - theirs - 1000, 0);
  const behindMs = Math.max(theirs - endedAt, 0);
  const seconds = Math.round(Math.max(aheadMs, behindMs) / 1000);
  if (seconds <= MAX_SKEW_SECONDS) return pass(subject, `${seconds} s apart`);
  const text = `this machine is ${seconds} s ${aheadMs > 0 ? 'ahead' : 'behind'}`;
  const advice = 'synchronise the clock of this machine (NTP)';
  return seconds > WRONG_SECONDS ? fail(subject, text, advice) : warn(subject, text, advice);
}
