/** One entity of a batch in Fluent's format; its fields depend on its type. */
export type BatchEntity = Readonly<Record<string, unknown>>;

/** A stock figure: how many pieces of an SKU are at a location. */
export interface InventoryEntity extends BatchEntity {
  readonly locationRef: string;
  readonly skuRef: string;
  readonly qty: number;
  readonly correctedQty?: number;
}

/** Entities that go to Fluent in one call. */
export interface EntityBatch {
  /** Counts from 0 within its load. */
  readonly number: number;
  /** Position of its first entity within its load. */
  readonly offset: number;
  readonly entities: readonly BatchEntity[];
}

/** Fluent's limit. */
export const MAX_BATCH_ENTITIES = 5000;
/** Fluent refuses GraphQL requests above 2 MB. Batches also stay below this size. */
const MAX_BATCH_BYTES = 1_900_000;

/** Cuts entities into batches, reading no further ahead than one batch. */
export async function* batchesOf(
  entities: Iterable<BatchEntity> | AsyncIterable<BatchEntity>,
): AsyncGenerator<EntityBatch> {
  let batch: BatchEntity[] = [];
  let bytes = 0;
  let number = 0;
  let offset = 0;
  const cut = (): EntityBatch => {
    const finished = { number, offset, entities: batch };
    number += 1;
    offset += batch.length;
    batch = [];
    bytes = 0;
    return finished;
  };
  for await (const entity of entities) {
    const size = Buffer.byteLength(JSON.stringify(entity)) + 1;
    if (batch.length > 0 && bytes + size > MAX_BATCH_BYTES) yield cut();
    batch.push(entity);
    bytes += size;
    if (batch.length === MAX_BATCH_ENTITIES) yield cut();
  }
  if (batch.length > 0) yield cut();
}
