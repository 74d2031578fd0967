/** The members of one shared subscription, `$share/{name}/{filter}`. MQTT 5.0 section 4.8.2 */
import type { Subscription } from "./Subscription.ts";

export class SharedGroup {
  readonly members: Array<Subscription> = [];
  #next = 0;

  constructor(readonly share: string, readonly filter: string) {}

  /**
   * Whose turn it is: round robin over the members that can take a message at once; when none can,
   * over the connected ones, whose queue takes it; when all are away, over all, since a persistent
   * session keeps it. Undefined when there is no member.
   */
  choose(): Subscription | undefined {
    const members = this.members;
    let connected = -1;
    let away = -1;
    for (let i = 0; i < members.length; i++) {
      const position = (this.#next + i) % members.length;
      const { session } = members[position] as Subscription; // a position in members
      if (session.readyToSend) return this.#turn(position);
      if (session.client === undefined) {
        if (away < 0) away = position;
      } else if (connected < 0) connected = position;
    }
    return this.#turn(connected < 0 ? away : connected);
  }

  #turn(position: number): Subscription | undefined {
    this.#next = position + 1;
    return this.members[position];
  }
}
