import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A line for each IPv4 socket of the machine (Linux only). */
const SOCKETS = '/proc/net/tcp';
const LISTENING = '0A';

/**
 * @param pid of a process that runs as the same user.
 * @param url of a server on an IPv4 address.
 * @returns whether this very process listens on the port; always true where the system has no /proc to tell it.
 */
export function listens(pid: number, url: string): boolean {
  if (!existsSync(SOCKETS)) return true;
  const port = Number(new URL(url).port);
  const sockets = readFileSync(SOCKETS, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([, local, , state]) => state === LISTENING && parseInt(local?.split(':')[1] ?? '', 16) === port);
  const descriptors = new Set(openFiles(pid));
  return sockets.some((columns) => descriptors.has(`socket:[${columns[9]}]`));
}

/** @returns what the file descriptors of a process lead to; empty when it has ended. */
function openFiles(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap((descriptor) => linkTarget(join(folder, descriptor)) ?? []);
  } catch {
    return [];
  }
}

/** @returns undefined when the process has closed the descriptor since. */
function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
