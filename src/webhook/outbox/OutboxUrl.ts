/** Where deliveries of one URL go in the outbox: to groups of what is in memory, or of what is on disk alone. */
import type { Delivery } from "../attempt/Delivery.ts";
import { RecordWriter } from "./GroupCodec.ts";

/** Its group of the window that is being written. */
export interface Draft {
  readonly writer: RecordWriter;
  readonly row: number;
  n: number;
}

export class OutboxUrl {
  draft: Draft | undefined;
  /** The last row that is on disk. */
  writtenRow = 0;
  /**
   * Called, once, with what was spilled into the window that is being written, when it is: it is in memory from
   * then on, and whoever takes it lets its bodies go.
   */
  handOver: ((deliveries: Array<Delivery>) => void) | undefined;
  #writer: RecordWriter | undefined;

  /** @param isSpill its deliveries are not in memory: they are let go when they are written */
  constructor(readonly url: string, readonly isSpill: boolean) {}

  begin(row: number): Draft {
    this.#writer ??= new RecordWriter(1024);
    this.#writer.clear();
    return this.draft = { writer: this.#writer, row, n: 0 };
  }
}
