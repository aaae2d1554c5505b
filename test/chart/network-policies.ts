import { BlockList, isIPv6 } from 'node:net';
import type { Manifest } from './manifests.js';

/** One end of a connection: a pod, or an address outside of the cluster when it has no labels. */
export interface Peer {
  readonly ip: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Where a connection goes to. */
export interface Target extends Peer {
  readonly port: number;
  /** TCP by default. */
  readonly protocol?: 'TCP' | 'UDP';
}

/**
 * What a cluster that enforces NetworkPolicies would let through.
 *
 * @param policies of one namespace.
 * @returns whether both ends allow the connection: a pod that no policy of a direction selects allows everything.
 */
export function isAllowed(policies: readonly Manifest[], namespace: string, from: Peer, to: Target): boolean {
  const selects = (policy: Manifest, { namespace: ofPod, labels }: Peer): boolean =>
    ofPod === namespace && matches(policy.spec.podSelector, labels ?? {});
  const leaves = policies.filter((each) => each.spec.policyTypes.includes('Egress') && selects(each, from));
  const enters = policies.filter((each) => each.spec.policyTypes.includes('Ingress') && selects(each, to));
  const rulesLet = (rules: Manifest[] = [], side: 'from' | 'to', peer: Peer): boolean =>
    rules.some((rule) => hasPort(rule, to) && isAmong(rule[side], peer, namespace));
  return (
    (leaves.length === 0 || leaves.some(({ spec }) => rulesLet(spec.egress, 'to', to))) &&
    (enters.length === 0 || enters.some(({ spec }) => rulesLet(spec.ingress, 'from', from)))
  );
}

function hasPort({ ports }: Manifest, { port, protocol = 'TCP' }: Target): boolean {
  return !ports || ports.some((each: Manifest) => each.port === port && each.protocol === protocol);
}

function isAmong(peers: Manifest[] | undefined, peer: Peer, namespace: string): boolean {
  if (!peers || peers.length === 0) return true;
  return peers.some(({ ipBlock, namespaceSelector, podSelector }: Manifest) => {
    if (ipBlock) return isWithin(ipBlock.cidr, peer.ip) && !isWithinAny(ipBlock.except, peer.ip);
    if (peer.namespace === undefined) return false;
    const isNamespace = namespaceSelector
      ? matches(namespaceSelector, { 'kubernetes.io/metadata.name': peer.namespace })
      : peer.namespace === namespace;
    return isNamespace && matches(podSelector ?? {}, peer.labels ?? {});
  });
}

function isWithinAny(blocks: readonly string[] = [], ip: string): boolean {
  return blocks.some((block) => isWithin(block, ip));
}

function isWithin(cidr: string, ip: string): boolean {
  const [network = '', prefix] = cidr.split('/');
  const family = isIPv6(network) ? 'ipv6' : 'ipv4';
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), family);
  return isIPv6(ip) === (family === 'ipv6') && list.check(ip, family);
}

function matches(selector: Manifest, labels: Readonly<Record<string, string>>): boolean {
  const hasLabels = Object.entries(selector.matchLabels ?? {}).every(
    ([name, value]) => labels[name] === value,
  );
  return (
    hasLabels &&
    (selector.matchExpressions ?? []).every(({ key, operator, values }: Manifest) => {
      if (operator !== 'In') throw new Error(`the operator ${operator} is not known here`);
      return values.includes(labels[key]);
    })
  );
}
