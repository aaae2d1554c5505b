import { HttpCode, Post, Req, UseGuards } from '@nestjs/common';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { NotificationIntake } from '../delivery/index.js';
import { invalidReturn } from '../call-override.js';
import { HandlerRegistry } from '../handlers/index.js';
import { ConnectorMetrics } from '../metrics/index.js';
import {
  messageNotification,
  messageNotificationName,
  type CommercetoolsMessage,
} from '../notification/index.js';
import { Problem, type JsonRequest } from '../http/index.js';
import { MessageRouter } from './message-router.js';
import { openEnvelope } from './message-envelope.js';
import { MessageSenderGuard } from './message-sender-guard.js';

/** The response to a message that the push service does not need to deliver again. */
export interface MessageAnswer {
  readonly status: 'accepted' | 'duplicate' | 'ignored';
  /** The id of the message; missing for other kinds of delivery. */
  readonly id?: string;
}

/**
 * Accepts messages of commercetools subscriptions. A 200 means that the queue has stored the message, already had
 * it, or that no handler has its type. Push services deliver the message again after every other status.
 */
@UseGuards(MessageSenderGuard)
export class MessagesController {
  constructor(
    private readonly config: ConnectorConfig,
    private readonly registry: HandlerRegistry,
    private readonly intake: NotificationIntake,
    private readonly metrics: ConnectorMetrics,
    private readonly router: MessageRouter,
  ) {}

  /** @throws Problem 400 when the body is not a delivery of a subscription, 403 when its project is not configured. */
  @Post()
  @HttpCode(200)
  async receive(@Req() { body }: JsonRequest): Promise<MessageAnswer> {
    const delivery = openEnvelope(body);
    if (delivery.kind === 'other') return this.answer({ status: 'ignored' }, 'other');
    const { message } = delivery;
    const { id, type, projectKey } = message;
    // Checked first: a message without a handler must not be delivered again, even if something else is wrong with it.
    const handler = this.registry.find(messageNotificationName(type));
    if (!handler) return this.answer({ status: 'ignored', id }, projectKey);

    const scopes = this.scopesOf(projectKey);
    if (scopes.length === 0) {
      throw new Problem(403, {
        detail: 'the project of the message is not configured',
        reason:
          'no configured retailer has the project of the message; check CTP_PROJECT_KEY or CONNECTOR_CONFIG',
      });
    }
    const retailers = this.routed(message, scopes);
    if (retailers.length === 0) return this.answer({ status: 'ignored', id }, projectKey);
    // Whichever retailer comes first: the id of a message that comes again must stay the same.
    const told = handler.oncePerProject ? retailers.slice(0, 1) : retailers;
    return this.answer({ status: await this.submit(message, told), id }, projectKey);
  }

  private routed(
    message: CommercetoolsMessage,
    candidates: readonly RetailerScope[],
  ): readonly RetailerScope[] {
    const { router } = this;
    const retailers = router.retailersOf(message, candidates);
    if (Array.isArray(retailers) && retailers.every((scope) => candidates.includes(scope))) return retailers;
    throw invalidReturn(router, 'retailersOf', 'something else than some of its candidates');
  }

  /** If one submission fails, the message is delivered again; the submissions that succeeded are duplicates then. */
  private async submit(
    message: CommercetoolsMessage,
    scopes: readonly RetailerScope[],
  ): Promise<MessageAnswer['status']> {
    const results = await Promise.all(
      scopes.map(({ account, retailerId }) =>
        this.intake.submit(messageNotification(message, account.id, retailerId)),
      ),
    );
    return results.includes('accepted') ? 'accepted' : 'duplicate';
  }

  /** @returns every configured retailer whose orders are in the project. */
  private scopesOf(projectKey: string): RetailerScope[] {
    return this.config.scopes().filter(({ project }) => project.key === projectKey);
  }

  private answer(answer: MessageAnswer, projectKey: string): MessageAnswer {
    const known = this.config.projects.some(({ key }) => key === projectKey);
    this.metrics.commercetoolsMessages.inc({ project: known ? projectKey : 'other', outcome: answer.status });
    return answer;
  }
}
