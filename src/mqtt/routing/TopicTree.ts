/**
 * All subscriptions, as a tree of topic levels: finds those that match a topic in time that depends on
 * the topic's levels and on the matches, not on how many other subscriptions there are.
 *
 * Walks level by level, without recursion: the depth of a hostile topic costs time, never the stack.
 */
import { LevelMap } from "./LevelMap.ts";
import type { Subscription } from "./Subscription.ts";
import { SharedGroup } from "./Subscription.ts";

class Node {
  children: LevelMap<Node> | undefined;
  plus: Node | undefined;
  hash: Node | undefined;
  /** One subscription is the common case (a topic per device), and costs no set. */
  subscriptions: Subscription | Set<Subscription> | undefined;
  groups: Map<string, SharedGroup> | undefined;

  get isEmpty(): boolean {
    return this.subscriptions === undefined && this.groups === undefined &&
      this.children === undefined && this.plus === undefined && this.hash === undefined;
  }
}

/** What `match` reports. */
export interface TopicTreeVisitor {
  subscription(subscription: Subscription): void;
  group(group: SharedGroup): void;
}

export class TopicTree {
  readonly #root = new Node();
  #size = 0;

  /** Subscriptions, shared ones included. */
  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    let node = this.#root;
    for (const level of subscription.filter.split("/")) node = child(node, level);
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
    const levels = subscription.filter.split("/");
    const path = [this.#root];
    let node = this.#root;
    for (const level of levels) {
      const next = level === "+"
        ? node.plus
        : level === "#"
        ? node.hash
        : node.children?.get(level);
      if (next === undefined) return false;
      node = next;
      path.push(node);
    }
    if (!removeFrom(node, subscription)) return false;
    this.#size--;
    for (let i = levels.length; i > 0 && (path[i] as Node).isEmpty; i--) { // path is one longer than levels
      const parent = path[i - 1] as Node;
      const level = levels[i - 1] as string;
      if (level === "+") parent.plus = undefined;
      else if (level === "#") parent.hash = undefined;
      else {
        parent.children?.delete(level);
        if (parent.children?.size === 0) parent.children = undefined;
      }
    }
    return true;
  }

  /** The group that a shared subscription belongs to. */
  group(share: string, filter: string): SharedGroup | undefined {
    let node: Node | undefined = this.#root;
    for (const level of filter.split("/")) {
      node = level === "+" ? node?.plus : level === "#" ? node?.hash : node?.children?.get(level);
    }
    return node?.groups?.get(share);
  }

  /** Reports every subscription and shared group whose filter matches `topic`. MQTT 5.0 section 4.7 */
  match(topic: string, visitor: TopicTreeVisitor): void {
    let nodes = [this.#root];
    // A leading wildcard does not match a topic that begins with `$`. [MQTT-4.7.2-1]
    let wildcards = topic.charCodeAt(0) !== 0x24;
    let from = 0;
    while (from >= 0) {
      const slash = topic.indexOf("/", from);
      const level = slash < 0 ? topic.slice(from) : topic.slice(from, slash);
      from = slash < 0 ? -1 : slash + 1;
      const next: Array<Node> = [];
      for (const node of nodes) {
        const literal = node.children?.get(level);
        if (literal !== undefined) next.push(literal);
        if (!wildcards) continue;
        if (node.plus !== undefined) next.push(node.plus);
        if (node.hash !== undefined) report(node.hash, visitor);
      }
      if (next.length === 0) return;
      nodes = next;
      wildcards = true;
    }
    for (const node of nodes) {
      report(node, visitor);
      if (node.hash !== undefined) report(node.hash, visitor); // `a/#` matches `a`
    }
  }
}

const child = (node: Node, level: string): Node => {
  if (level === "+") return node.plus ??= new Node();
  if (level === "#") return node.hash ??= new Node();
  node.children ??= new LevelMap();
  let next = node.children.get(level);
  if (next === undefined) {
    next = new Node();
    node.children.set(level, next);
  }
  return next;
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
