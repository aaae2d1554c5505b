import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** Where the distroless images have Node. */
const NODE_OF_DISTROLESS = '/nodejs/bin/node';

/** What a container of the image would be started with. */
export interface BuiltImage {
  /** Where the last stage's root is. */
  readonly root: string;
  /** The images that the stages begin with, as FROM names them. */
  readonly bases: readonly string[];
  /** What RUN ran, of all stages. */
  readonly steps: readonly string[];
  readonly workdir: string;
  readonly uid: number;
  readonly gid: number;
  /** ENTRYPOINT and CMD. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Carries out a Dockerfile without Docker: each stage becomes a folder below `into`, RUN runs on this machine in
 * the stage's WORKDIR. Knows only the instructions that ours has. Of a distroless base it provides Node alone, in the
 * version that runs this; any other base is this machine.
 *
 * @throws Error on an instruction that it does not know, rather than proving something else, and when a step fails.
 */
export async function buildWithoutDocker(context: string, into: string): Promise<BuiltImage> {
  const stages = new Map<string, string>();
  const bases: string[] = [];
  const steps: string[] = [];
  let [root, workdir, user] = ['', '/', ''];
  let entrypoint: string[] = [];
  let command: string[] = [];
  let env: Record<string, string> = {};

  for (const line of instructions(join(context, 'Dockerfile'))) {
    const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    switch (instruction) {
      case 'FROM': {
        const [, base = '', stage = 'final'] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
        root = join(into, `stage-${stages.size}`);
        stages.set(stage, root);
        bases.push(base);
        mkdirSync(root, { recursive: true });
        if (base.includes('/distroless/')) {
          const node = join(root, NODE_OF_DISTROLESS);
          mkdirSync(dirname(node), { recursive: true });
          cpSync(process.execPath, node);
        }
        [workdir, user, entrypoint, command, env] = ['/', '', [], [], {}];
        break;
      }
      case 'WORKDIR':
        workdir = rest;
        mkdirSync(join(root, workdir), { recursive: true });
        break;
      case 'COPY': {
        const [, stage, paths = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
        const from = stage === undefined ? context : (stages.get(stage) ?? '');
        const sources = paths.split(' ');
        const target = join(root, workdir, sources.pop() ?? '');
        for (const source of sources) {
          const isInto = paths.endsWith('./') && source !== './';
          cpSync(join(from, source), isInto ? join(target, basename(source)) : target, { recursive: true });
        }
        break;
      }
      case 'RUN':
        steps.push(rest);
        await promisify(execFile)('sh', ['-c', rest], { cwd: join(root, workdir) });
        break;
      case 'ENV':
        env[rest.slice(0, rest.indexOf('='))] = rest.slice(rest.indexOf('=') + 1);
        break;
      case 'USER':
        user = rest;
        break;
      case 'ENTRYPOINT':
        entrypoint = JSON.parse(rest) as string[];
        break;
      case 'CMD':
        command = JSON.parse(rest) as string[];
        break;
      case 'ARG':
      case 'LABEL':
      case 'EXPOSE':
        break;
      default:
        throw new Error(`buildWithoutDocker does not know ${instruction}`);
    }
  }
  const [uid = Number.NaN, gid = Number.NaN] = user.split(':').map(Number);
  return { root, bases, steps, workdir, uid, gid, command: [...entrypoint, ...command], env };
}

function instructions(path: string): string[] {
  return readFileSync(path, 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
}
