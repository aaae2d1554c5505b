import { Injectable } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { RunReports, type RunReport } from '../delivery/index.js';
import { OrderStories } from './order-stories.js';
import { endedEntry, storyKeyOf } from './story-entries.js';

/** Outcomes of runs that have done what earlier notifications of their key asked for. */
const HEALING: ReadonlySet<RunReport['outcome']> = new Set(['updated', 'unchanged']);

/** Tells the stories how runs end. The queue knows what has not ended yet. */
@Injectable()
export class StoryRecorder {
  constructor(stories: OrderStories, reports: RunReports, { history }: ConnectorConfig) {
    if (history.ttlSeconds === 0) return;
    reports.subscribe((report, delivery) => {
      const key = storyKeyOf(report.notification);
      if (!key) return;
      const heals = HEALING.has(report.outcome) ? delivery.coalesceKey : undefined;
      stories.add(key, endedEntry(report, delivery), heals);
    });
  }
}
