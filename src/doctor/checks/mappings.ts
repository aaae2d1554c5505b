import { nameOf } from '../../call-override.js';
import type { MappingKind, RetailerScope } from '../../config/index.js';
import { asError } from '../../errors.js';
import { SettingsStatusMapper, StatusMapper, inspectMapping, settingNames } from '../../mapping/index.js';
import { type StateField, gapsOf } from '../../order-status/index.js';
import { SettingsSource } from '../../settings/index.js';
import {
  type Check,
  type CheckContext,
  type Finding,
  fail,
  hasFailed,
  pass,
  skip,
  warn,
} from '../finding.js';
import { fluentToken } from './fluent.js';

const FIELD = { order: 'orderState', payment: 'paymentState', shipping: 'shipmentState' } as const;
const KINDS = Object.keys(FIELD) as MappingKind[];

/** Every mapping of every configured retailer: found, valid, and complete. */
export const mappingsCheck: Check = {
  name: 'mappings',
  async *run(context) {
    const { config } = context;
    for (const { id } of config.accounts) {
      if (config.retailerIds(id).length > 0) continue;
      yield skip(
        `mappings of account ${id}`,
        'the account accepts any retailer, so it is not known whose mappings to check; name them in FLUENT_RETAILER_IDS',
      );
    }
    for (const scope of config.scopes()) yield* checkRetailer(scope, context);
  },
};

async function* checkRetailer(scope: RetailerScope, context: CheckContext): AsyncGenerator<Finding> {
  const { services, config } = context;
  const retailer = `retailer ${scope.retailerId} of account ${scope.account.id}`;
  if (config.settingsFile === undefined && hasFailed(context, fluentToken(scope.account.id))) {
    yield skip(`mappings of ${retailer}`, 'Fluent gives no token');
    return;
  }
  const mapper = services.get(StatusMapper, { strict: false });
  if (!(mapper instanceof SettingsStatusMapper)) {
    yield pass(`mappings of ${retailer}`, `${nameOf(mapper)} maps in place of the default`);
  }
  let isUsable = true;
  for (const kind of KINDS) {
    const finding = await checkMapping(kind, scope, retailer, context);
    isUsable &&= finding.status !== 'fail';
    yield finding;
  }
  if (isUsable) yield* gaps(mapper, scope, retailer, context);
}

async function checkMapping(
  kind: MappingKind,
  scope: RetailerScope,
  retailer: string,
  { services }: CheckContext,
): Promise<Finding> {
  const subject = `${kind} mapping of ${retailer}`;
  const configured = scope.mappingSettings[kind];
  if (configured === undefined) return skip(subject, 'switched off');
  const names = settingNames(kind, configured);
  try {
    const setting = await services.get(SettingsSource, { strict: false }).get(scope, names);
    if (!setting) {
      return fail(
        subject,
        `setting ${names.join(' or ')} does not exist`,
        `run \`setup\` to create it, or set ${kind.toUpperCase()}_STATUS_MAPPING_SETTING=off`,
      );
    }
    const { states, problems } = inspectMapping(kind, setting);
    if (problems.length > 0) return fail(subject, problems.join('; '), 'correct the setting in Fluent');
    return pass(subject, `${setting.name} (${setting.context}), ${states.size} statuses`);
  } catch (error) {
    return fail(subject, asError(error).message);
  }
}

/** Statuses that one mapping has and another lacks. */
async function* gaps(
  mapper: StatusMapper,
  scope: RetailerScope,
  retailer: string,
  { config }: CheckContext,
): AsyncGenerator<Finding> {
  if (!mapper.overview) return;
  const subject = `completeness of the mappings of ${retailer}`;
  try {
    const lacking = Object.entries(gapsOf(await mapper.overview(scope))) as [StateField, readonly string[]][];
    if (lacking.length === 0) {
      yield pass(subject, 'each status has an entry in every mapping');
      return;
    }
    const text = lacking
      .map(([field, statuses]) => `${field} has no entry for ${statuses.join(', ')}`)
      .join('; ');
    yield config.statusHistory.isOn
      ? pass(subject, `${text}. The connector reads the status history of orders to fill these gaps`)
      : warn(subject, `${text}; with STATUS_HISTORY=off these states can stay behind`, 'add the entries');
  } catch (error) {
    yield fail(subject, asError(error).message);
  }
}
