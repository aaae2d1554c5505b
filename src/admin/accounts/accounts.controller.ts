import { Body, Get, HttpCode, Injectable, Param, Post, Req } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';
import { MessageQueue } from '../../delivery/index.js';
import { Problem } from '../../http/index.js';
import { AdminAccess } from '../access/admin-access.js';
import { RequestedScope } from '../requested-scope.js';
import { answers } from '../schema.js';
import { AccountList, AccountParams, AccountView, PauseBody, ResumeBody } from './account-schemas.js';
import { Accounts } from './accounts.js';

const tags = ['accounts'];

/** Shows each account's work, and stops it when an operator asks. */
@Injectable()
export class AccountsController {
  constructor(
    private readonly accounts: Accounts,
    private readonly queue: MessageQueue,
    private readonly requested: RequestedScope,
    private readonly access: AdminAccess,
  ) {}

  @Get()
  @RouteSchema({
    operationId: 'listAccounts',
    summary: 'List the accounts: what waits, runs and is delayed, and what holds it back.',
    tags,
    response: answers('Each configured account, and others that have work.', AccountList),
  })
  async list(): Promise<AccountList> {
    return { accounts: [...(await this.accounts.list())] };
  }

  @Post(':accountId/pause')
  @HttpCode(200)
  @RouteSchema({
    operationId: 'pauseAccount',
    summary: 'Stop the delivery of the notifications of an account, in all replicas.',
    description:
      'Webhooks are accepted as before, and wait. Running notifications end. It holds until it is resumed, also after a ' +
      'restart. An account that is paused already keeps its first reason.',
    tags,
    params: AccountParams,
    body: PauseBody,
    response: answers('The account.', AccountView),
  })
  async pause(
    @Param() { accountId }: AccountParams,
    @Body() { reason }: PauseBody,
    @Req() request: FastifyRequest,
  ): Promise<AccountView> {
    this.requested.accountOf(accountId);
    const by = this.access.actorOf(request).name;
    await this.queue.pause(accountId, { by, since: new Date(), reason });
    return this.find(accountId);
  }

  @Post(':accountId/resume')
  @HttpCode(200)
  @RouteSchema({
    operationId: 'resumeAccount',
    summary: 'Deliver the notifications of an account again.',
    tags,
    params: AccountParams,
    body: ResumeBody,
    response: answers('The account.', AccountView),
  })
  async resume(@Param() { accountId }: AccountParams): Promise<AccountView> {
    const wasPaused = await this.queue.resume(accountId);
    // An account that was paused, and is not configured any more, can also be resumed.
    if (!wasPaused) this.requested.accountOf(accountId);
    return this.find(accountId);
  }

  private async find(accountId: string): Promise<AccountView> {
    const found = (await this.accounts.list()).find(({ account }) => account === accountId);
    if (!found)
      throw new Problem(404, { detail: `Fluent account ${accountId} has no work and is not configured` });
    return found;
  }
}
