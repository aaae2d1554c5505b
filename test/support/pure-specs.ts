import { ChildProcess } from 'node:child_process';
import { Server, Socket } from 'node:net';

/** What a unit spec must not do, so that all of them together stay quick. */
const EFFECTS: readonly (readonly [prototype: object, method: string, effect: string])[] = [
  [Server.prototype, 'listen', 'starts a server'],
  [Socket.prototype, 'connect', 'opens a connection'],
  [ChildProcess.prototype, 'spawn', 'starts a process'],
];

for (const [prototype, method, effect] of EFFECTS) {
  Object.defineProperty(prototype, method, {
    value: () => {
      throw new Error(
        `a unit spec ${effect}; rename it to *.int.spec.ts, so that it runs as an integration test`,
      );
    },
  });
}
