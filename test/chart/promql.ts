import { parser } from '@prometheus-io/lezer-promql';

/** What a PromQL expression asks for. */
export interface QueriedSeries {
  readonly metrics: readonly string[];
  /** Label names, and the value of each matcher on them. */
  readonly matchers: ReadonlyArray<{
    readonly metric: string;
    readonly label: string;
    readonly operator: string;
    readonly value: string;
  }>;
  /** Labels in `by`, `on` and `without`. */
  readonly groupings: readonly string[];
}

/**
 * @param query PromQL; Grafana's variables may be in it.
 * @throws Error on a syntax error.
 */
export function queriedSeries(query: string): QueriedSeries {
  const text = query.replace(/\$__(rate_interval|range)\b/g, '5m');
  const metrics: string[] = [];
  const matchers: Array<QueriedSeries['matchers'][number]> = [];
  const groupings: string[] = [];
  let matcher = { label: '', operator: '' };
  parser.parse(text).iterate({
    enter: ({ type, from, to, node }) => {
      const slice = text.slice(from, to);
      if (type.isError) throw new Error(`PromQL syntax error at ${from}: ${query}`);
      const isMatcher = node.parent?.name === 'UnquotedLabelMatcher' || node.parent?.name === 'LabelMatcher';
      if (type.name === 'VectorSelector') metrics.push(/^[\w:]*/.exec(slice)?.[0] ?? '');
      else if (type.name === 'LabelName' && isMatcher) matcher = { label: slice, operator: '' };
      else if (type.name === 'LabelName') groupings.push(slice);
      else if (type.name === 'MatchOp') matcher.operator = slice;
      else if (type.name === 'StringLiteral' && isMatcher) {
        matchers.push({ ...matcher, metric: metrics.at(-1) ?? '', value: slice.slice(1, -1) });
      }
    },
  });
  return { metrics, matchers, groupings };
}
