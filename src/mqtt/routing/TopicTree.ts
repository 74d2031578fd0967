/**
 * All subscriptions, as a tree of topic levels: finds those that match a topic in time that depends on
 * the topic's levels and on the matches, not on how many other subscriptions there are.
 *
 * Levels that lead to one place only are one node, which costs its text: a filter adds two nodes at the
 * most, whatever its levels. Walks without recursion: the depth of a hostile topic costs time, never
 * the stack.
 */
import { LevelMap } from "./LevelMap.ts";
import { ownText } from "./ownText.ts";
import type { Subscription } from "./Subscription.ts";
import { SharedGroup } from "./Subscription.ts";

class Node {
  /** Behind the level that its parent has it by: more levels, `+` ones too, each with its slash before it. */
  #rest: string;
  /** Whether `rest` has a `+`. */
  #isWild: boolean;
  children: LevelMap<Node> | undefined;
  plus: Node | undefined;
  hash: Node | undefined;
  /** One subscription is the common case (a topic per device), and costs no set. */
  subscriptions: Subscription | Set<Subscription> | undefined;
  groups: Map<string, SharedGroup> | undefined;

  constructor(rest: string) {
    this.#rest = rest;
    this.#isWild = rest.includes("+");
  }

  get rest(): string {
    return this.#rest;
  }

  set rest(rest: string) {
    this.#rest = rest;
    this.#isWild = rest.includes("+");
  }

  get isEmpty(): boolean {
    return this.subscriptions === undefined && this.groups === undefined &&
      this.children === undefined && this.plus === undefined && this.hash === undefined;
  }

  /** By its level; `#` has a place of its own. */
  child(level: string): Node | undefined {
    return level === "+" ? this.plus : this.children?.get(level);
  }

  setChild(level: string, child: Node): void {
    if (level === "+") this.plus = child;
    else (this.children ??= new LevelMap()).set(level, child);
  }

  removeChild(level: string): void {
    if (level === "+") this.plus = undefined;
    else if (level === "#") this.hash = undefined;
    else {
      this.children?.delete(level);
      if (this.children?.size === 0) this.children = undefined;
    }
  }

  /** What it leads to where that is all that it is there for: the two may be one. */
  onlyChild(): readonly [level: string, child: Node] | undefined {
    if (this.subscriptions !== undefined || this.groups !== undefined || this.hash !== undefined) {
      return undefined;
    }
    const { plus, children } = this;
    if (children === undefined) return plus === undefined ? undefined : ["+", plus];
    return plus === undefined && children.size === 1 ? children.entries().next().value : undefined;
  }

  /** Where in the topic the level behind this node begins; -1: `rest` does not match. `end`: of its first level. */
  behind(topic: string, end: number): number {
    const rest = this.#rest;
    if (rest.length === 0) return end + 1;
    if (topic.startsWith(rest, end)) {
      const at = end + rest.length;
      if (at === topic.length || topic.charCodeAt(at) === SLASH) return at + 1;
    }
    return this.#isWild ? behindWild(rest, topic, end) : -1;
  }
}

/** What `match` reports. */
export interface TopicTreeVisitor {
  subscription(subscription: Subscription): void;
  group(group: SharedGroup): void;
}

export class TopicTree {
  readonly #root = new Node("");
  #size = 0;

  /** Subscriptions, shared ones included. */
  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    const node = this.#make(subscription.filter);
    this.#size++;
    if (subscription.share !== undefined) {
      node.groups ??= new Map();
      let group = node.groups.get(subscription.share);
      if (group === undefined) {
        group = new SharedGroup(subscription.share, subscription.filter);
        node.groups.set(subscription.share, group);
      }
      group.members.push(subscription);
    } else if (node.subscriptions === undefined) node.subscriptions = subscription;
    else if (node.subscriptions instanceof Set) node.subscriptions.add(subscription);
    else node.subscriptions = new Set([node.subscriptions, subscription]);
  }

  /** Takes out exactly this subscription; answers false when it is not there. */
  remove(subscription: Subscription): boolean {
    const steps = this.#stepsTo(subscription.filter);
    const found = steps?.at(-1)?.node;
    if (steps === undefined || found === undefined || !removeFrom(found, subscription)) {
      return false;
    }
    this.#size--;
    for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
      const { node, level } = step;
      const parent = steps.at(-1)?.node ?? this.#root;
      if (node.isEmpty) {
        parent.removeChild(level);
        continue;
      }
      const only = node.onlyChild();
      if (only === undefined) break;
      const [below, child] = only;
      child.rest = `${node.rest}/${below}${child.rest}`;
      parent.setChild(level, child);
      break;
    }
    return true;
  }

  /** The group that a shared subscription belongs to. */
  group(share: string, filter: string): SharedGroup | undefined {
    return this.#stepsTo(filter)?.at(-1)?.node.groups?.get(share);
  }

  /** Reports every subscription and shared group whose filter matches `topic`. MQTT 5.0 section 4.7 */
  match(topic: string, visitor: TopicTreeVisitor): void {
    const { length } = topic;
    let node = this.#root;
    /** Where in the topic the level behind `node` begins; behind its end: there is none. */
    let from = 0;
    // A leading wildcard does not match a topic that begins with `$`. [MQTT-4.7.2-1]
    let wildcards = topic.charCodeAt(0) !== DOLLAR;
    /** Other ways to go on: a `+` beside each level that was there too. Made where there is one. */
    let others: Others | undefined;
    for (;;) {
      let next: Node | undefined;
      let behind = -1;
      if (from > length) {
        report(node, visitor);
        if (node.hash !== undefined) report(node.hash, visitor); // `a/#` matches `a`
      } else {
        const { children, plus } = node;
        if (wildcards && node.hash !== undefined) report(node.hash, visitor);
        if (children !== undefined || plus !== undefined) {
          const slash = topic.indexOf("/", from);
          const end = slash < 0 ? length : slash;
          next = children?.get(topic.slice(from, end));
          if (next !== undefined) behind = next.behind(topic, end);
          if (plus !== undefined && wildcards) {
            const atPlus = plus.behind(topic, end);
            if (behind < 0) {
              next = plus;
              behind = atPlus;
            } else if (atPlus >= 0) {
              others ??= { nodes: [], froms: [] };
              others.nodes.push(plus);
              others.froms.push(atPlus);
            }
          }
        }
      }
      if (behind < 0) {
        next = others?.nodes.pop();
        if (next === undefined) return;
        behind = others?.froms.pop() as number; // as many as nodes
      }
      node = next as Node; // where `behind` is none of -1
      from = behind;
      wildcards = true;
    }
  }

  /** The node of a filter, with those that it takes to get there. */
  #make(filter: string): Node {
    let node = this.#root;
    for (let from = 0; from <= filter.length;) {
      const end = endOfLevel(filter, from);
      const level = filter.slice(from, end);
      if (level === "#") return node.hash ??= new Node("");
      let next = node.child(level);
      let shared: number;
      if (next === undefined) {
        const rest = filter.slice(end, filter.endsWith("/#") ? -2 : undefined);
        shared = rest.length;
        next = new Node(ownText(rest, filter));
        node.setChild(ownText(level, filter), next);
      } else {
        shared = sharedLevels(next.rest, filter, end);
        if (shared < next.rest.length) {
          next = split(next, shared);
          node.setChild(level, next);
        }
      }
      node = next;
      from = end + shared + 1;
    }
    return node;
  }

  /** The way to a filter's node, each with the level that the one before has it by; undefined: there is none. */
  #stepsTo(filter: string): Array<{ readonly level: string; readonly node: Node }> | undefined {
    const steps: Array<{ readonly level: string; readonly node: Node }> = [];
    let node = this.#root;
    for (let from = 0; from <= filter.length;) {
      const end = endOfLevel(filter, from);
      const level = filter.slice(from, end);
      const next = level === "#" ? node.hash : node.child(level);
      if (next === undefined || !filter.startsWith(next.rest, end)) return undefined;
      const nextEnd = end + next.rest.length;
      if (nextEnd < filter.length && filter.charCodeAt(nextEnd) !== SLASH) return undefined;
      steps.push({ level, node: next });
      node = next;
      from = nextEnd + 1;
    }
    return steps;
  }
}

interface Others {
  readonly nodes: Array<Node>;
  readonly froms: Array<number>;
}

const SLASH = 0x2f;
const PLUS = 0x2b;
const DOLLAR = 0x24;

const endOfLevel = (text: string, from: number): number => {
  const slash = text.indexOf("/", from);
  return slash < 0 ? text.length : slash;
};

/** How much of `rest` the filter has at `at` too, in whole levels. */
const sharedLevels = (rest: string, filter: string, at: number): number => {
  let shared = 0;
  for (let i = 0;; i++) {
    const restEnds = i === rest.length || rest.charCodeAt(i) === SLASH;
    const filterEnds = at + i === filter.length || filter.charCodeAt(at + i) === SLASH;
    if (restEnds && filterEnds) shared = i;
    if (i === rest.length || rest.charCodeAt(i) !== filter.charCodeAt(at + i)) return shared; // NaN at the end
  }
};

/** Cuts a node's text in two; returns the upper one, which is to take its place. */
const split = (node: Node, at: number): Node => {
  const { rest } = node;
  const upper = new Node(ownText(rest.slice(0, at), rest));
  const end = endOfLevel(rest, at + 1);
  upper.setChild(ownText(rest.slice(at + 1, end), rest), node);
  node.rest = ownText(rest.slice(end), rest);
  return upper;
};

/** As Node's `behind`, where `rest` has a `+`. */
const behindWild = (rest: string, topic: string, end: number): number => {
  let at = end;
  for (let i = 0; i < rest.length; i++) {
    const c = rest.charCodeAt(i);
    if (c === PLUS) at = endOfLevel(topic, at);
    else if (topic.charCodeAt(at++) !== c) return -1;
  }
  return at === topic.length || topic.charCodeAt(at) === SLASH ? at + 1 : -1;
};

const removeFrom = (node: Node, subscription: Subscription): boolean => {
  if (subscription.share !== undefined) {
    const group = node.groups?.get(subscription.share);
    const position = group?.members.indexOf(subscription) ?? -1;
    if (group === undefined || position < 0) return false;
    group.members.splice(position, 1);
    if (group.members.length === 0) node.groups?.delete(subscription.share);
    if (node.groups?.size === 0) node.groups = undefined;
    return true;
  }
  if (node.subscriptions === subscription) {
    node.subscriptions = undefined;
    return true;
  }
  if (!(node.subscriptions instanceof Set) || !node.subscriptions.delete(subscription)) {
    return false;
  }
  if (node.subscriptions.size === 1) [node.subscriptions] = node.subscriptions;
  return true;
};

const report = (node: Node, visitor: TopicTreeVisitor): void => {
  const subscriptions = node.subscriptions;
  if (subscriptions instanceof Set) {
    for (const subscription of subscriptions) visitor.subscription(subscription);
  } else if (subscriptions !== undefined) visitor.subscription(subscriptions);
  if (node.groups !== undefined) { for (const group of node.groups.values()) visitor.group(group); }
};
