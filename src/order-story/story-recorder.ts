import { Injectable } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import { RunReports } from '../delivery/index.js';
import { OrderStories } from './order-stories.js';
import { endedEntry, storyKeyOf } from './story-entries.js';

/** Tells the stories how runs end. The queue knows what has not ended yet. */
@Injectable()
export class StoryRecorder {
  constructor(stories: OrderStories, reports: RunReports, { history }: ConnectorConfig) {
    if (history.ttlSeconds === 0) return;
    reports.subscribe((report, delivery) => {
      const key = storyKeyOf(report.notification);
      if (key) stories.add(key, endedEntry(report, delivery));
    });
  }
}
