import type { AccountPause } from '../delivery/index.js';
import type { PauseView } from './accounts/account-schemas.js';

export function pauseViewOf({ by, since, reason }: AccountPause): PauseView {
  return { by, since: since.toISOString(), reason };
}
