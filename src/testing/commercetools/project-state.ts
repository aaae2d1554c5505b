import { randomUUID } from 'node:crypto';
import { CommercetoolsApiError } from './commercetools-api-error.js';

/** The types of custom fields that the emulator knows. */
export type EmulatedFieldType = 'String' | 'Boolean' | 'Number' | 'DateTime';

/** What `CommercetoolsEmulator.addType` needs. */
export interface NewCommercetoolsType {
  readonly key: string;
  /** A UUID by default. */
  readonly id?: string;
  /** By locale; the key under `en` by default. */
  readonly name?: Readonly<Record<string, string>>;
  /** What the type is for; orders by default. */
  readonly resourceTypeIds?: readonly string[];
  /** The type of each field by its name. */
  readonly fields: Readonly<Record<string, EmulatedFieldType>>;
}

/** What `CommercetoolsEmulator.addStore` needs. */
export interface NewCommercetoolsStore {
  readonly key: string;
  /** A UUID by default. */
  readonly id?: string;
  /** By locale; the key under `en` by default. */
  readonly name?: Readonly<Record<string, string>>;
  /** Country codes. */
  readonly countries?: readonly string[];
  readonly languages?: readonly string[];
}

/** What every resource of a project has. */
export interface StoredResource {
  readonly id: string;
  readonly version: number;
  readonly createdAt: string;
  readonly lastModifiedAt: string;
}

/** A store of the emulated project. */
export type CommercetoolsStoreRecord = Required<NewCommercetoolsStore> & StoredResource;
/** A type of custom fields of the emulated project. */
export type CommercetoolsTypeRecord = Required<NewCommercetoolsType> & StoredResource;

/** How a request names a resource. */
export interface ResourceIdentifier {
  readonly id?: string | null;
  readonly key?: string | null;
}

/** The stores and types of one emulated project. */
export class ProjectState {
  readonly #stores = new Map<string, CommercetoolsStoreRecord>();
  readonly #types = new Map<string, CommercetoolsTypeRecord>();

  constructor(private readonly now: () => number) {}

  get stores(): readonly CommercetoolsStoreRecord[] {
    return [...this.#stores.values()];
  }

  get types(): readonly CommercetoolsTypeRecord[] {
    return [...this.#types.values()];
  }

  /** @throws Error when the key is taken. */
  addStore(store: NewCommercetoolsStore): CommercetoolsStoreRecord {
    const added = { name: { en: store.key }, countries: [], languages: [], ...store, ...this.#stored(store) };
    return add(this.#stores, added, 'store');
  }

  /** @throws Error when the key is taken. */
  addType(type: NewCommercetoolsType): CommercetoolsTypeRecord {
    const added = { name: { en: type.key }, resourceTypeIds: ['order'], ...type, ...this.#stored(type) };
    return add(this.#types, added, 'type');
  }

  store(identifier: ResourceIdentifier): CommercetoolsStoreRecord | undefined {
    return find(this.stores, identifier);
  }

  type(identifier: ResourceIdentifier): CommercetoolsTypeRecord | undefined {
    return find(this.types, identifier);
  }

  /** @throws CommercetoolsApiError when the store does not exist. */
  existingStore(identifier: ResourceIdentifier): CommercetoolsStoreRecord {
    const store = this.store(identifier);
    if (!store) throw unresolved('store', identifier);
    return store;
  }

  /**
   * @returns the type, or undefined while the project has no types at all: then every type and field is accepted.
   * @throws CommercetoolsApiError when the project has types, but not this one.
   */
  existingType(identifier: ResourceIdentifier): CommercetoolsTypeRecord | undefined {
    const type = this.type(identifier);
    if (!type && this.#types.size > 0) throw unresolved('type', identifier);
    return type;
  }

  #stored({ id = randomUUID() }: { readonly id?: string }): StoredResource {
    const time = new Date(this.now()).toISOString();
    return { id, version: 1, createdAt: time, lastModifiedAt: time };
  }
}

function add<T extends { readonly key: string }>(all: Map<string, T>, added: T, kind: string): T {
  if (all.has(added.key)) throw new Error(`commercetools emulator: a ${kind} ${added.key} exists`);
  all.set(added.key, added);
  return added;
}

function find<T extends { readonly id: string; readonly key: string }>(
  all: readonly T[],
  { id, key }: ResourceIdentifier,
): T | undefined {
  return all.find((each) => (id == null ? each.key === key : each.id === id));
}

function unresolved(typeId: string, { id, key }: ResourceIdentifier): CommercetoolsApiError {
  const name = id == null ? { key } : { id };
  const text = Object.entries(name).map(([part, value]) => `${part} '${value}'`);
  const message = `The referenced object of type '${typeId}' with ${text.join()} was not found.`;
  return new CommercetoolsApiError('ReferencedResourceNotFound', message, { typeId, ...name });
}
