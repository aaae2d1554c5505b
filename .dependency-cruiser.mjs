/**
 * The layers of src, top down. A folder imports only from layers below its own (docs/adr/0001-structure.md).
 * Add every new folder to this list: until then each of its imports is an error.
 */
const LAYERS = [
  ['testing'],
  ['main', 'index'],
  ['cli'],
  ['bootstrap-connector'],
  ['graceful-shutdown'],
  ['connector.module'],
  ['overrides'],
  ['start-summary', 'check-queue'],
  ['admin'],
  ['doctor'],
  ['webhook', 'commercetools-messages'],
  ['health'],
  ['http'],
  ['order-story', 'reconciliation'],
  ['delivery'],
  ['order-status', 'order-cancellation'],
  ['handlers'],
  ['status-history', 'mapping'],
  ['settings'],
  ['fluent-events', 'fluent-batches'],
  ['fluent', 'commercetools'],
  ['graphql'],
  ['transport'],
  ['redis', 'metrics', 'logging'],
  ['config', 'notification', 'tracing'],
  ['call-override', 'gathered-calls', 'node-version', 'limit-heap'],
  ['errors', 'json', 'gathering-lane', 'package-info', 'personal-data', 'escape-controls', 'on-abort'],
];

/** Matches the folders and files of src with one of these names. */
const partsOf = (names) => `^src/(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})(/|\\.ts$)`;
const KNOWN = partsOf(LAYERS.flat());

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...LAYERS.slice(1).map((names, index) => ({
      name: `layers: ${names.join(', ')}`,
      comment: 'An import points down the layers: move the shared code down, or the importing code up.',
      severity: 'error',
      from: { path: partsOf(names) },
      to: { path: partsOf(LAYERS.slice(0, index + 1).flat()) },
    })),
    ...LAYERS.filter((names) => names.length > 1).map((names) => ({
      name: `neighbours: ${names.join(', ')}`,
      comment: 'Folders of one layer do not import each other.',
      severity: 'error',
      from: { path: partsOf(names) },
      to: { path: partsOf(names), pathNot: '^src/$1(/|\\.ts$)' },
    })),
    {
      name: 'known layers (from)',
      comment: 'Add the folder to LAYERS in .dependency-cruiser.mjs.',
      severity: 'error',
      from: { path: '^src/', pathNot: KNOWN },
      to: {},
    },
    {
      name: 'known layers (to)',
      comment: 'Add the folder to LAYERS in .dependency-cruiser.mjs.',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: KNOWN },
    },
    {
      name: 'doors',
      comment: "Import from the folder's index.ts, and export there what others may use.",
      severity: 'error',
      from: { path: '^src/([^/]+)' },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'circles',
      comment: 'Move what both files need into a third one.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'Bull',
      comment: 'Bull stays behind the MessageQueue adapter.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/delivery/bull/' },
      to: { path: '(^|/)node_modules/(@nestjs/)?bull/' },
    },
    {
      name: 'queue adapters',
      comment: 'The delivery policy knows the MessageQueue contract, not the stores behind it.',
      severity: 'error',
      from: { path: '^src/delivery/[^/]+\\.ts$', pathNot: '/(index|delivery\\.module)\\.ts$' },
      to: { path: '^src/delivery/(bull|memory)/' },
    },
    {
      name: 'queue adapters apart',
      comment: 'An adapter knows nothing of another one.',
      severity: 'error',
      from: { path: '^src/delivery/(bull|memory)/' },
      to: { path: '^src/delivery/(bull|memory)/', pathNot: '^src/delivery/$1/' },
    },
    {
      name: 'HTTP client',
      comment: 'Every outgoing call goes through src/transport: time-outs, limits and metrics are there.',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(transport|testing)/' },
      to: { path: '(^|/)node_modules/undici/' },
    },
  ],
  options: {
    // Specs may reach anywhere: into other folders and into test/support.
    exclude: { path: '\\.spec\\.ts$' },
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    // Imports of types alone count too.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { conditionNames: ['import', 'types', 'node', 'default'] },
  },
};
