/**
 * One URL's deliveries between memory and disk: which go to disk alone, how they come back, and what is dropped
 * where a URL that fails has more there than it may. What happens to those in memory is the Endpoint's matter.
 */
import * as LogLevel from "effect/LogLevel";
import type { Group } from "../../store/Commit.ts";
import { placesOf } from "../account/Backlog.ts";
import type { Delivery } from "../attempt/Delivery.ts";
import { deliveriesOf, isReadable } from "../outbox/deliveriesOf.ts";
import { decode } from "../outbox/GroupCodec.ts";
import type { LiveGroup, Restoring } from "../outbox/Outbox.ts";
import { EndPace } from "./EndPace.ts";
import type { EndpointAccount } from "./EndpointAccount.ts";
import type { EndpointContext, EndpointDisk } from "./EndpointContext.ts";
import type { Occupancy } from "./Occupancy.ts";
import type { SpillOwner } from "./Spill.ts";
import { Spill } from "./Spill.ts";

/** The part of the endpoint that is in memory. */
export interface EndpointInMemory {
  readonly account: EndpointAccount;
  readonly occupancy: Occupancy;
  /** Whether it keeps the order of all by itself. */
  readonly isLaneless: boolean;
  isStopped(): boolean;
  /** Whether its receiver wants nothing more. */
  isGone(): boolean;
  /** Those that wait whose id is `wanted`, by id; none where there are too many to look through. */
  find(wanted: (id: number) => boolean): ReadonlyArray<Delivery>;
  /** Takes out what was never attempted; each still occupies its place. */
  evict(): ReadonlyArray<Delivery>;
  /** Takes one that is counted as matched. */
  take(delivery: Delivery): void;
  /** Several were taken: is it too much? */
  taken(): void;
  /** Whether failing URLs have more than so many bytes on disk together, and none of them more than this. */
  hasMostOnDisk(most: number): boolean;
}

/** Places of what is read back from disk ahead of its attempts: some 20 ms of all that this broker can deliver. */
const MOST_READ_AHEAD = 1024;

export class EndpointOnDisk implements SpillOwner {
  readonly spill: Spill;
  readonly #context: EndpointContext;
  readonly #disk: EndpointDisk;
  readonly #memory: EndpointInMemory;
  readonly #pace = new EndPace();

  constructor(url: string, context: EndpointContext, disk: EndpointDisk, memory: EndpointInMemory) {
    this.#context = context;
    this.#disk = disk;
    this.#memory = memory;
    this.spill = new Spill(url, disk.outbox, disk.read, this);
  }

  /** A delivery is new; answers whether it goes to disk and not into memory. `ahead`: how many have to end first. */
  offer(delivery: Delivery, ahead: number): boolean {
    if (!this.spill.isBehind && !this.#memory.isStopped()) {
      const { outbox } = this.#disk;
      const wait = ahead === 0 ? 0 : this.#pace.until(ahead, outbox.at);
      outbox.opened(delivery, this.spill.live, wait);
      return false;
    }
    this.#context.backlog.add(-placesOf(delivery.length));
    this.spill.add(delivery);
    if (this.#mustShed) this.spill.more();
    return true;
  }

  /** One that was in memory has come to its end. */
  ended(): void {
    this.#pace.end();
    this.spill.more();
  }

  /** Lets what was never attempted wait on disk alone. */
  putAside(): void {
    if (this.spill.isBehind) return;
    const evicted = this.#memory.evict();
    this.spill.evict(evicted); // before their bodies may go
    for (const delivery of evicted) this.#memory.occupancy.letGo(delivery);
    this.#context.log.always(LogLevel.Warning, "events wait on disk alone", {
      url: this.#memory.account.name,
      waiting: evicted.length,
    });
    this.spill.more();
  }

  /** Keeps what a failing URL has on disk within its share. */
  boundIt(): void {
    if (this.#mustShed) this.putAside();
  }

  /** Writes those of these groups anew of which all that is left waits. */
  rewrite(groups: ReadonlySet<LiveGroup>): void {
    if (this.spill.isBehind) return;
    const { outbox } = this.#disk;
    const wanted = (id: number) => {
      const group = outbox.groupOf(id);
      return group !== undefined && groups.has(group);
    };
    const byGroup = Map.groupBy(this.#memory.find(wanted), ({ id }) => outbox.groupOf(id));
    for (const group of groups) outbox.rewrite(group, byGroup.get(group) ?? []);
  }

  wantsMore(): boolean {
    if (this.#memory.isStopped()) return false;
    // Attempts are few while it fails, and more than they need would have to go again to make room for others.
    if (this.#memory.occupancy.isFailing) {
      return this.#memory.occupancy.places === 0 || this.#mustShed;
    }
    const most = Math.min(MOST_READ_AHEAD, Math.ceil(this.#context.backlog.capacity / 8));
    return this.#memory.occupancy.places < most;
  }

  restore(group: Group, restoring: Restoring): void {
    const { outbox } = this.#disk;
    const { slabs, letters } = this.#context;
    if (!isReadable(group)) {
      letters?.addGroup(group, "damaged");
      return outbox.buried(group);
    }
    if (this.#mustShed) return this.#shed(group, restoring);
    const wants = (id: number) => outbox.restored(id, restoring);
    for (const delivery of deliveriesOf(group, slabs, this.#memory.isLaneless, wants)) {
      if (!restoring.isCounted) this.#memory.account.matched(delivery);
      this.#memory.take(delivery);
    }
    this.#memory.taken();
  }

  takeBack(deliveries: ReadonlyArray<Delivery>): void {
    for (const delivery of deliveries) {
      this.#memory.take(delivery);
      this.#context.slabs.release(delivery.slab, delivery.length);
    }
    this.#memory.taken(); // not before: what is put aside is older than what is taken
  }

  get #mustShed(): boolean {
    if (!this.#memory.occupancy.isFailing) return false;
    const { use } = this.#disk.outbox;
    const most = use.maxBytes * this.#context.backlog.failingShare;
    return use.bytes > most && this.#memory.hasMostOnDisk(most);
  }

  /** Drops what of a group would come into memory. */
  #shed(group: Group, restoring: Restoring): void {
    const { outbox } = this.#disk;
    const reason = this.#memory.isGone() ? "gone" : "endpoint_share";
    for (const record of decode(group.records)) {
      if (!outbox.restored(record.id, restoring)) continue;
      this.#memory.account.droppedOnDisk(record, restoring.isCounted, reason);
      outbox.ended(record.id);
    }
  }
}
