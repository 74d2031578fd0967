/**
 * How deliveries keep up with events, for IntakeTurn to compare: counted by the endpoints. What is dropped
 * counts as matched only, or a queue that overflows would look as if it were emptied.
 */
export class DeliveryPace {
  /** Deliveries that have come in since the start. */
  matched = 0;
  /** Of those, the ones that an attempt has brought to their end. */
  ended = 0;
}
