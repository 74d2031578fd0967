/**
 * What may be told. An event, and whatever else must survive the process, is safe when a process to come
 * would know of it, or nobody waits for it any more; before that no client is told that it happened: CONNACK,
 * SUBACK, UNSUBACK, PUBACK and PUBREC wait (ByteSink.hold).
 */
export interface Safety {
  /** How many events and changes there were; equal to `safe` where nothing is to survive. */
  readonly mark: number;
  /** All up to this mark are safe. */
  readonly safe: number;
  /** Resolves when all up to this mark are safe; to be asked in the order of marks. Never rejects. */
  whenSafe(mark: number): Promise<void>;
}
