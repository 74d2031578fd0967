/**
 * The retained message of every topic that has one, as a tree of topic levels, so that a filter finds
 * its matches without looking at the others. MQTT 5.0 section 3.3.1.3
 */
import type { Message } from "./Message.ts";

class Node {
  children: Map<string, Node> | undefined;
  message: Message | undefined;
}

export class RetainedMessages {
  readonly #root = new Node();
  #size = 0;

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
      node.children ??= new Map();
      let next = node.children.get(level);
      if (next === undefined) {
        next = new Node();
        node.children.set(level, next);
      }
      node = next;
    }
    if (node.message === undefined) this.#size++;
    node.message = message;
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

  /** Every message whose topic matches `filter`. A leading wildcard matches no `$` topic. [MQTT-4.7.2-1] */
  match(filter: string): Array<Message> {
    let nodes = [this.#root];
    const levels = filter.split("/");
    for (const [depth, level] of levels.entries()) {
      if (level === "#") return messagesBelow(nodes, depth === 0);
      const next: Array<Node> = [];
      for (const { children } of nodes) {
        if (children === undefined) continue;
        if (level === "+") {
          for (const [name, child] of children) {
            if (depth > 0 || !name.startsWith("$")) next.push(child);
          }
        } else {
          const child = children.get(level);
          if (child !== undefined) next.push(child);
        }
      }
      nodes = next;
    }
    return nodes.flatMap(({ message }) => message ?? []);
  }
}

/** All messages of the nodes and of all below them. */
const messagesBelow = (nodes: ReadonlyArray<Node>, atRoot: boolean): Array<Message> => {
  const messages: Array<Message> = [];
  const open = [...nodes];
  if (atRoot) {
    const root = open.pop();
    for (const [name, child] of root?.children ?? []) if (!name.startsWith("$")) open.push(child);
  }
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.message !== undefined) messages.push(node.message);
    if (node.children !== undefined) {
      for (const child of node.children.values()) open.push(child);
    }
  }
  return messages;
};
