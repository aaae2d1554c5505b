import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { ConnectorError, TransientError } from '../errors.js';
import { GatheringLane } from '../gathering-lane.js';
import { type Abortable, abortablesOf } from '../on-abort.js';
import { inPresentTrace } from '../tracing/index.js';
import { OutageError, type UpstreamFailure, isTooLarge } from '../transport/index.js';
import { estimatedComplexity, mergedDocument } from './merged-operations.js';

/** A request that hangs must not hold up the operations that came after it. */
const MAX_WAIT_MS = 25;

/** One operation of a caller, as it waits to be sent. */
export interface PendingOperation {
  readonly variables: OperationVariables;
  readonly correlationId?: string;
  readonly signal?: AbortSignal;
}

type Answer = Record<string, unknown>;

/** The request of several operations has failed as a whole. */
export class SharedRequestError extends Error {
  constructor(
    /** What each of the operations would get. */
    readonly error: unknown,
    /** What the upstream answered, or why it did not. Undefined when nothing was sent. */
    readonly failure?: UpstreamFailure,
  ) {
    super('the request of several operations has failed');
  }
}

/** How the operations of one document share requests. */
export interface SharingLimits {
  /** The most operations of one request. */
  readonly maxSize: number;
  /** With fewer requests under way, nothing waits for company. */
  readonly maxInFlight: number;
  /** The greatest complexity that a request may have. */
  readonly complexityLimit: number;
}

/** Sends the operations of one document. */
export interface OperationSender {
  /** Sends one as it is written. */
  alone(operation: PendingOperation): Promise<Answer>;
  /**
   * Sends several in one request.
   *
   * @returns for each its answer or its error.
   * @throws SharedRequestError when the request has failed as a whole, or the signal's reason.
   */
  together(
    merged: TypedDocumentNode<Answer, OperationVariables>,
    operations: readonly PendingOperation[],
    signal: AbortSignal,
  ): Promise<readonly (Answer | ConnectorError)[]>;
  /** Whether requests may hold several: not while the circuit is open, for a probe should be small. */
  mayShare(): boolean;
}

/** An operation that waits for its answer, until its caller gives up. */
class Member implements PendingOperation, Abortable {
  readonly variables: OperationVariables;
  readonly correlationId?: string;
  readonly signal?: AbortSignal;
  readonly inTrace = inPresentTrace();
  /** Whether its caller has given up. */
  isAbandoned = false;
  onAbandoned?: () => void;
  private readonly waiting?: Set<Abortable>;

  constructor(
    { variables, correlationId, signal }: PendingOperation,
    private readonly lane: GatheringLane<Member>,
    private readonly fulfil: (answer: Answer) => void,
    private readonly fail: (error: unknown) => void,
  ) {
    this.variables = variables;
    this.correlationId = correlationId;
    this.signal = signal;
    this.waiting = signal && abortablesOf(signal).add(this);
  }

  resolve(answer: Answer): void {
    this.waiting?.delete(this);
    this.fulfil(answer);
  }

  reject(error: unknown): void {
    this.waiting?.delete(this);
    this.fail(error);
  }

  /** Ends the wait of its caller. The request continues for the others. */
  abort(reason: unknown): void {
    this.lane.remove(this);
    this.isAbandoned = true;
    this.onAbandoned?.();
    this.reject(reason);
  }
}

/**
 * Gathers the operations of one document at one endpoint into requests. Each has its own alias, so the server reads or writes
 * for each of them alone, between its caller's call and the answer. Failures stay apart: an operation that is refused does
 * not fail those that it shares a request with.
 */
export class OperationBatches {
  private readonly lane: GatheringLane<Member>;
  private readonly merged: (TypedDocumentNode<Answer, OperationVariables> | undefined)[] = [];
  private maxSize: number;

  /**
   * @param document one that can be merged.
   */
  constructor(
    private readonly document: TypedDocumentNode<Answer, OperationVariables>,
    private readonly isMutation: boolean,
    { maxSize, maxInFlight, complexityLimit }: SharingLimits,
    private readonly sender: OperationSender,
  ) {
    this.maxSize = Math.min(
      maxSize,
      Math.max(Math.floor(complexityLimit / Math.max(estimatedComplexity(document), 1)), 1),
    );
    this.lane = new GatheringLane((members) => this.deliver(members), {
      maxInFlight,
      maxSize: () => (sender.mayShare() ? this.maxSize : 1),
      maxWaitMs: MAX_WAIT_MS,
    });
  }

  /** @throws what the endpoint makes of a failure, or the signal's reason. */
  run(operation: PendingOperation): Promise<Answer> {
    const { signal } = operation;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) reject(signal.reason as Error);
      else this.lane.add(new Member(operation, this.lane, resolve, reject));
    });
  }

  private async deliver(members: readonly Member[]): Promise<void> {
    const [only, ...others] = members;
    if (!only) return;
    if (others.length === 0) return this.sendAlone(only);
    try {
      const answers = await this.sendTogether(members);
      members.forEach((member, index) => {
        const answer = answers[index];
        if (answer instanceof ConnectorError) member.reject(answer);
        else member.resolve(answer!);
      });
    } catch (error) {
      await this.deliverAgain(
        members,
        error instanceof SharedRequestError ? error : new SharedRequestError(error),
      );
    }
  }

  private async sendAlone(member: Member): Promise<void> {
    try {
      member.resolve(await member.inTrace(() => this.sender.alone(member)));
    } catch (error) {
      member.reject(error);
    }
  }

  /** Sends one request. It is aborted when all callers have given up. */
  private async sendTogether(members: readonly Member[]): Promise<readonly (Answer | ConnectorError)[]> {
    const ended = new AbortController();
    const onAbandoned = (): void => {
      if (members.every(({ isAbandoned }) => isAbandoned))
        ended.abort(new Error('all callers have given up'));
    };
    for (const member of members) member.onAbandoned = onAbandoned;
    const { length } = members;
    const merged = (this.merged[length] ??= mergedDocument(this.document, length));
    return members[0]!.inTrace(() => this.sender.together(merged, members, ended.signal));
  }

  /** After a request that failed as a whole: in smaller ones, each alone, or not at all. */
  private async deliverAgain(members: readonly Member[], failed: SharedRequestError): Promise<void> {
    const half = Math.ceil(members.length / 2);
    if (failed.failure && isTooLarge(failed.failure)) this.maxSize = Math.min(this.maxSize, half);
    const size = { smaller: half, alone: 1, none: 0 }[remedyFor(failed, this.isMutation)];
    const waiting = members.filter(({ isAbandoned }) => !isAbandoned);
    if (size === 0) {
      for (const member of waiting) member.reject(failed.error);
      return;
    }
    const parts: Member[][] = [];
    for (let from = 0; from < waiting.length; from += size) parts.push(waiting.slice(from, from + size));
    await Promise.all(parts.map((part) => this.deliver(part)));
  }
}

/**
 * Pure: how operations are sent again after their request failed as a whole. Any of them may have spoilt it for the others,
 * so reads are sent alone. So are writes when the request was refused before it was executed. What may have been written
 * is for the callers to repeat.
 */
function remedyFor(
  { error, failure }: SharedRequestError,
  isMutation: boolean,
): 'smaller' | 'alone' | 'none' {
  // Without an answer, or without access, each would fare the same.
  if (!failure || !(error instanceof ConnectorError) || error instanceof OutageError) return 'none';
  if (failure.status === 401) return 'none';
  const isRefused = failure.status !== undefined && !(error instanceof TransientError);
  if (isTooLarge(failure) && (isRefused || !isMutation)) return 'smaller';
  return isRefused || !isMutation ? 'alone' : 'none';
}
