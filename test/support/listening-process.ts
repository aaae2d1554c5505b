import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** A line for each IPv4 socket of the machine (Linux only). */
const SOCKETS = '/proc/net/tcp';
const LISTENING = '0A';

/**
 * @param pid of a process that the present user may inspect.
 * @param url of a server on an IPv4 address.
 * @returns whether this very process listens on the port, or one that it started, as `unshare` does; always true where the
 * system has no /proc to tell it.
 */
export function listens(pid: number, url: string): boolean {
  if (!existsSync(SOCKETS)) return true;
  const port = Number(new URL(url).port);
  const sockets = readFileSync(SOCKETS, 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/ +/))
    .filter(([, local, , state]) => state === LISTENING && parseInt(local?.split(':')[1] ?? '', 16) === port);
  const descriptors = new Set([pid, ...descendants(pid)].flatMap(openFiles));
  return sockets.some((columns) => descriptors.has(`socket:[${columns[9]}]`));
}

/** @returns the processes that a process started, and those that they started. */
function descendants(pid: number): number[] {
  const children = childrenOf(pid);
  return children.concat(children.flatMap(descendants));
}

/** @returns nothing when the process has ended. */
function childrenOf(pid: number): number[] {
  try {
    const pids = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return pids === '' ? [] : pids.split(' ').map(Number);
  } catch {
    return [];
  }
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
