/**
 * The retained message of every topic that has one, as a tree of topic levels, so that a filter finds
 * its matches without looking at the others. MQTT 5.0 section 3.3.1.3
 */
import { LevelMap } from "./LevelMap.ts";
import type { Message } from "./Message.ts";

class Node {
  children: LevelMap<Node> | undefined;
  message: Message | undefined;
  /** Which message of all that were ever stored it is. */
  sequence = 0;
}

export class RetainedMessages {
  readonly #root = new Node();
  #size = 0;
  #stored = 0;

  get size(): number {
    return this.#size;
  }

  get(topic: string): Message | undefined {
    let node: Node | undefined = this.#root;
    for (const level of topic.split("/")) node = node?.children?.get(level);
    return node?.message;
  }

  /** Stores or replaces the topic's message. [MQTT-3.3.1-5] */
  set(message: Message): void {
    let node = this.#root;
    for (const level of message.topic.split("/")) {
      node.children ??= new LevelMap();
      let next = node.children.get(level);
      if (next === undefined) {
        next = new Node();
        node.children.set(level, next);
      }
      node = next;
    }
    if (node.message === undefined) this.#size++;
    node.message = message;
    node.sequence = ++this.#stored;
  }

  /** Forgets the topic's message. [MQTT-3.3.1-6] */
  delete(topic: string): void {
    const levels = topic.split("/");
    const path = [this.#root];
    for (const level of levels) {
      const next = path.at(-1)?.children?.get(level);
      if (next === undefined) return;
      path.push(next);
    }
    const node = path.at(-1) as Node; // the root at least
    if (node.message === undefined) return;
    node.message = undefined;
    this.#size--;
    for (let i = levels.length; i > 0; i--) {
      const { message, children } = path[i] as Node; // path is one longer than levels
      if (message !== undefined || children !== undefined) return;
      const parent = path[i - 1] as Node;
      parent.children?.delete(levels[i - 1] as string);
      if (parent.children?.size === 0) parent.children = undefined;
    }
  }

  /**
   * Finds, step by step, every message whose topic matches `filter`; a step that finds none gives
   * undefined. A leading wildcard matches no `$` topic. [MQTT-4.7.2-1] What is stored after this call
   * is not found; what is deleted during the walk may be.
   */
  walk(filter: string): Iterator<Message | undefined, void> {
    return this.#walk(filter.split("/"), this.#stored);
  }

  *#walk(levels: ReadonlyArray<string>, last: number): Generator<Message | undefined, void> {
    // Depth first, by iterators that go on well while what they walk is changed.
    const open: Array<Branch> = [];
    let node: Node | undefined = this.#root;
    let depth = 0;
    for (;;) {
      for (let level = levels[depth]; node && isName(level); level = levels[depth]) {
        node = node.children?.get(level);
        depth++;
      }
      if (node === undefined) yield undefined;
      else {
        const wildcard = levels[depth]; // `+`, `#`, or none: the filter ends here
        yield wildcard !== "+" && node.sequence <= last ? node.message : undefined;
        if (wildcard !== undefined && node.children !== undefined) {
          open.push({
            children: node.children.entries(),
            depth: wildcard === "+" ? depth + 1 : depth,
            isRoot: node === this.#root,
          });
        }
      }
      const branch = open.at(-1);
      if (branch === undefined) return;
      const next = branch.children.next();
      if (next.done) open.pop();
      node = next.done || (branch.isRoot && next.value[0].startsWith("$"))
        ? undefined
        : next.value[1];
      depth = branch.depth;
    }
  }
}

/** Children that a walk has still to look at. */
interface Branch {
  readonly children: Iterator<[string, Node], undefined>;
  /** The filter's level that stands for what is below them. */
  readonly depth: number;
  readonly isRoot: boolean;
}

const isName = (level: string | undefined): level is string =>
  level !== undefined && level !== "+" && level !== "#";
