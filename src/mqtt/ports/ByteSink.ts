/** One connection's way out, as the broker sees it; `net/` implements it over TCP, TLS or WebSocket. */
export interface ByteSink {
  /**
   * Queues bytes to be sent, in order, and never calls back before it returns. The bytes may be shared
   * with other sinks and must not be changed. After `end` or a failure it does nothing.
   */
  write(bytes: Uint8Array): void;
  /**
   * What is written in this turn is an acknowledgement: it is not sent before all that has happened by the end
   * of the turn is safe (Safety), nor is what is written after it.
   */
  hold(): void;
  /** Bytes that wait to be sent. */
  readonly buffered: number;
  /** Its client is in: CONNACK has been written, with a yes. */
  letIn(): void;
  /** Sends what waits, then closes. `hasLeft`: the client has said that it sends no more, and closes too. */
  end(hasLeft?: boolean): void;
  /** Stops or goes on reading from the client. */
  setReading(reading: boolean): void;
}
