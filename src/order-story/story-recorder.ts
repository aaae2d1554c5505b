import { Injectable } from '@nestjs/common';
import { ConnectorConfig } from '../config/index.js';
import {
  acceptedAtMs,
  NotificationIntake,
  RunReports,
  type Delivery,
  type RunReport,
} from '../delivery/index.js';
import { orderIdOf, orderOf, type FluentNotification } from '../notification/index.js';
import { OrderStories, type StoryKey } from './order-stories.js';

/** Tells the stories what happens to notifications that are about an order. */
@Injectable()
export class StoryRecorder {
  constructor(
    private readonly stories: OrderStories,
    intake: NotificationIntake,
    reports: RunReports,
    { history }: ConnectorConfig,
  ) {
    if (history.ttlSeconds === 0) return;
    intake.onAccepted((notification) => this.accepted(notification));
    reports.subscribe((report, delivery) => this.ended(report, delivery));
  }

  private accepted(notification: FluentNotification): void {
    const key = storyKeyOf(notification);
    if (!key) return;
    const now = Date.now();
    this.stories.add(key, {
      ...identityOf(notification),
      acceptedAt: now,
      at: now,
      outcome: 'accepted',
      attempt: 0,
    });
  }

  private ended({ notification, outcome, attempt, error, details }: RunReport, delivery: Delivery): void {
    const key = storyKeyOf(notification);
    if (!key) return;
    const lastError = error ?? delivery.progress.error;
    this.stories.add(key, {
      ...identityOf(notification),
      acceptedAt: acceptedAtMs(delivery),
      at: Date.now(),
      outcome,
      attempt,
      ...(lastError && { error: { name: lastError.name, message: lastError.message } }),
      ...(details && { details }),
      ...(delivery.coalesceKey !== undefined && { coalesceKey: delivery.coalesceKey }),
      ...(outcome === 'dead' && { deadLetterId: delivery.id }),
    });
  }
}

/** @returns undefined for a notification that is about no order. */
export function storyKeyOf(notification: FluentNotification): StoryKey | undefined {
  const { accountId, entityType, entityRef } = notification;
  if (entityType === 'commercetools.order') return { accountId, order: entityRef };
  const ref = orderOf(notification)?.ref;
  if (ref !== undefined) return { accountId, order: ref };
  const id = orderIdOf(notification);
  return id === undefined ? undefined : { accountId, order: `#${id}` };
}

function identityOf({ id, name, retailerId, entityType, entityStatus }: FluentNotification) {
  const announced = entityType === 'ORDER' && typeof entityStatus === 'string' ? entityStatus : undefined;
  return { notificationId: id, name, retailerId, ...(announced !== undefined && { announced }) };
}
