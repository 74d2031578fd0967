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
    let connected: Subscription | undefined;
    let away: Subscription | undefined;
    for (let i = 0; i < members.length; i++) {
      const position = (this.#next + i) % members.length;
      const member = members[position] as Subscription; // a position in members
      if (member.session.readyToSend) {
        this.#next = position + 1;
        return member;
      }
      if (member.session.client !== undefined) connected ??= member;
      else away ??= member;
    }
    this.#next++;
    return connected ?? away;
  }
}
