import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The kinds that the chart renders by default. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  v1: ['Service', 'ServiceAccount', 'Pod', 'Secret'],
  'apps/v1': ['Deployment', 'StatefulSet'],
  'networking.k8s.io/v1': ['NetworkPolicy'],
  'policy/v1': ['PodDisruptionBudget'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
};
const GROUPS = Object.keys(KINDS)
  .filter((groupVersion) => groupVersion.includes('/'))
  .map((groupVersion) => {
    const [name, version] = groupVersion.split('/');
    const preferredVersion = { groupVersion, version };
    return { name, versions: [preferredVersion], preferredVersion };
  });

/** As much of a Kubernetes API server as Helm asks while it renders: discovery, and objects that exist. */
export class ClusterStub {
  private readonly server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://stub');
    const answer = this.answerTo(pathname);
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' });
    response.end(
      JSON.stringify(answer ?? { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 }),
    );
  });

  /** @param objects by path, e.g. `/apis/apps/v1/namespaces/shop/deployments/connector`. */
  private constructor(private readonly objects: Readonly<Record<string, object>>) {}

  static async start(objects: Readonly<Record<string, object>>): Promise<ClusterStub> {
    const stub = new ClusterStub(objects);
    stub.server.listen(0, '127.0.0.1');
    await once(stub.server, 'listening');
    return stub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  private answerTo(path: string): object | undefined {
    if (path === '/version') return { major: '1', minor: '30', gitVersion: 'v1.30.0' };
    if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
    if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: GROUPS };
    const groupVersion = path.replace(/^\/apis?\//, '');
    const kinds = KINDS[groupVersion];
    if (!kinds) return this.objects[path];
    const resources = kinds.map((kind) => ({
      name: `${kind.toLowerCase()}s`.replace(/ys$/, 'ies'),
      kind,
      namespaced: true,
      verbs: ['get'],
    }));
    return { kind: 'APIResourceList', groupVersion, resources };
  }
}
