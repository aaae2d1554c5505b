import type { Command } from 'commander';
import type { OverviewView } from '../../admin/index.js';
import { type AdminOptions, withAdmin, withAdminOptions } from '../admin/admin-session.js';
import type { Console } from '../console.js';
import { Output } from '../output.js';

export function overviewCommand(command: Command, console: Console): void {
  withAdminOptions(command).action(async (options: AdminOptions) => {
    const overview = await withAdmin(console, options, (admin) =>
      admin.request<OverviewView>({ method: 'GET', path: '/overview' }),
    );
    const output = new Output(console, options.json === true);
    await (output.isJson ? output.json(overview) : print(overview, output));
  });
}

async function print(overview: OverviewView, output: Output): Promise<void> {
  const { replicas, minutes, queue, paused, circuits, problems } = overview;
  const sum = (count: 'accepted' | 'finished' | 'retried' | 'dead'): number =>
    minutes.reduce((total, minute) => total + minute[count], 0);
  const lag = Math.max(0, ...minutes.map(({ lagSeconds }) => lagSeconds?.max ?? 0));
  const { waiting, active, delayed, dead, oldestUnfinishedAt } = queue;
  const rows: readonly (readonly [name: string, value: string | number])[] = [
    ['replicas', replicas.map(({ role, version }) => `${role} ${version}`).join(', ') || 'none'],
    [`last ${minutes.length} min`, `${sum('accepted')} accepted, ${sum('finished')} finished`],
    ['', `${sum('retried')} retried, ${sum('dead')} became dead letters, longest lag ${lag.toFixed(1)} s`],
    ['queue', `${waiting} waiting, ${active} running, ${delayed} delayed`],
    ['oldest unfinished', oldestUnfinishedAt ?? 'none'],
    ['dead letters', dead],
  ];
  await output.table([], rows);
  for (const { account, by, since, reason } of paused) {
    await output.line(
      { text: 'WARN', colour: 'yellow' },
      `${account} paused by ${by} since ${since}: ${reason}`,
    );
  }
  for (const { target, state, since } of circuits) {
    await output.line({ text: 'WARN', colour: 'yellow' }, `circuit ${target} ${state} since ${since}`);
  }
  for (const { check, advice } of problems) {
    await output.line({ text: 'WARN', colour: 'yellow' }, `${check}: ${advice ?? 'see /health'}`);
  }
  if (problems.length > 0) await output.line('run `doctor` to see what is wrong with which system');
}
