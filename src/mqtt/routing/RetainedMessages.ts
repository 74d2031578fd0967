/**
 * The retained message of every topic that has one, as a tree of topic levels, so that a filter finds
 * its matches without looking at the others. MQTT 5.0 section 3.3.1.3
 *
 * Levels that lead to one place only are one node: a message adds two at the most, whatever its topic's
 * levels. A node knows its whole path from the root on, and so stays what it is when others come between
 * the root and it, or go: a walk that has it in hand goes on well.
 */
import { LevelMap } from "./LevelMap.ts";
import type { Message } from "./Message.ts";
import { ownText } from "./ownText.ts";

class Node {
  children: LevelMap<Node> | undefined;
  message: Message | undefined;
  /** Which message of all that were ever stored it is. */
  sequence = 0;

  /** @param path from the root to here: a topic, or the levels that some topics begin with */
  constructor(readonly path: string) {}
}

export class RetainedMessages {
  readonly #root = new Node("");
  #size = 0;
  #bytes = 0;
  #stored = 0;

  get size(): number {
    return this.#size;
  }

  /** Of the payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  get(topic: string): Message | undefined {
    return this.#stepsTo(topic)?.at(-1)?.node.message;
  }

  /** Stores or replaces the topic's message; answers whether it had none. [MQTT-3.3.1-5] */
  set(message: Message): boolean {
    const node = this.#make(message.topic);
    const isNew = node.message === undefined;
    if (isNew) this.#size++;
    this.#bytes += message.payload.length - (node.message?.payload.length ?? 0);
    node.message = message;
    node.sequence = ++this.#stored;
    return isNew;
  }

  /** Forgets the topic's message; answers whether it had one. [MQTT-3.3.1-6] */
  delete(topic: string): boolean {
    const steps = this.#stepsTo(topic);
    const found = steps?.at(-1)?.node;
    if (steps === undefined || found?.message === undefined) return false;
    this.#bytes -= found.message.payload.length;
    found.message = undefined;
    this.#size--;
    this.#prune(steps);
    return true;
  }

  #prune(steps: Array<Step>): void {
    // What leads nowhere goes, and what leads to one place only is left out on the way there.
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const { level, node } = step;
      const { children } = node;
      if (node.message !== undefined || (children !== undefined && children.size > 1)) return;
      const parent = steps.at(-1)?.node ?? this.#root;
      const only = children?.entries().next().value;
      if (only !== undefined) {
        parent.children?.set(level, only[1]);
        return;
      }
      parent.children?.delete(level);
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
    /** Of the filter's levels, those that stand for what is in the node's path. */
    let depth = 0;
    /** Where in its path that which they stand for ends, behind a slash. */
    let from = 0;
    for (;;) {
      if (node !== undefined && node !== this.#root) {
        depth = passed(node.path, from, levels, depth);
        from = node.path.length + 1;
      }
      if (node === undefined || depth < 0) yield undefined;
      else {
        const level = levels[depth]; // a name, `+`, `#`, or none: the filter ends here
        const isFound = level === undefined || level === "#";
        yield isFound && node.sequence <= last ? node.message : undefined;
        if (level !== undefined && node.children !== undefined) {
          if (isName(level)) {
            node = node.children.get(level);
            continue;
          }
          open.push({
            children: node.children.entries(),
            depth,
            from,
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
      from = branch.from;
    }
  }

  /** The node of a topic, with those that it takes to get there. */
  #make(topic: string): Node {
    let node = this.#root;
    for (let from = 0; from <= topic.length;) {
      const level = topic.slice(from, endOfLevel(topic, from));
      const next = node.children?.get(level);
      if (next === undefined) {
        const leaf = new Node(topic);
        (node.children ??= new LevelMap()).set(ownText(level, topic), leaf);
        return leaf;
      }
      const shared = sharedLevels(next.path, topic, from);
      if (shared === next.path.length) node = next;
      else {
        const upper = new Node(ownText(topic.slice(0, shared), topic));
        const below = next.path.slice(shared + 1, endOfLevel(next.path, shared + 1));
        upper.children = new LevelMap();
        upper.children.set(ownText(below, next.path), next);
        node.children?.set(level, upper);
        node = upper;
      }
      from = shared + 1;
    }
    return node;
  }

  /** The way to a topic's node, each with the level that the one before has it by; undefined: there is none. */
  #stepsTo(topic: string): Array<Step> | undefined {
    const steps: Array<Step> = [];
    let node = this.#root;
    for (let from = 0; from <= topic.length; from = node.path.length + 1) {
      const level = topic.slice(from, endOfLevel(topic, from));
      const next = node.children?.get(level);
      if (next === undefined) return undefined;
      steps.push({ level, node: next });
      node = next;
    }
    // The levels in between were not looked at yet.
    return node.path === topic ? steps : undefined;
  }
}

interface Step {
  readonly level: string;
  readonly node: Node;
}

/** Children that a walk has still to look at. */
interface Branch {
  readonly children: Iterator<[string, Node], undefined>;
  /** Of the filter's levels, those that stand for what is above them. */
  readonly depth: number;
  /** Where in their paths their own levels begin. */
  readonly from: number;
  readonly isRoot: boolean;
}

const SLASH = 0x2f;

const isName = (level: string): boolean => level !== "+" && level !== "#";

const endOfLevel = (text: string, from: number): number => {
  const slash = text.indexOf("/", from);
  return slash < 0 ? text.length : slash;
};

/** Where the whole levels end that both begin with; they are known to be the same up to a slash before `from`. */
const sharedLevels = (a: string, b: string, from: number): number => {
  let shared = from;
  for (let at = from;; at++) {
    const aEnds = at === a.length || a.charCodeAt(at) === SLASH;
    const bEnds = at === b.length || b.charCodeAt(at) === SLASH;
    if (aEnds && bEnds) shared = at;
    if (at === a.length || a.charCodeAt(at) !== b.charCodeAt(at)) return shared; // NaN at the end
  }
};

/**
 * How many of the filter's levels stand for the whole path, when `depth` of them stand for it up to
 * `from`; -1: the path does not match. `#` stands for all that comes.
 */
const passed = (
  path: string,
  from: number,
  levels: ReadonlyArray<string>,
  depth: number,
): number => {
  while (from <= path.length) {
    const level = levels[depth];
    if (level === undefined) return -1;
    if (level === "#") return depth;
    const end = endOfLevel(path, from);
    if (level !== "+" && (level.length !== end - from || !path.startsWith(level, from))) return -1;
    depth++;
    from = end + 1;
  }
  return depth;
};
