/** A person at this process's terminal. Questions go to standard error, so that standard output is the result alone. */
import { HiddenLine } from "./HiddenLine.ts";
import type { Person } from "./Person.ts";
import { Cancelled } from "./Person.ts";

const NEWLINE = 0x0a;

export class Terminal implements Person {
  readonly isThere = Deno.stdin.isTerminal();
  /** Read, and belongs to later answers. */
  #left: Uint8Array = new Uint8Array(0);

  say(text: string): void {
    console.error(text);
  }

  async ask(question: string): Promise<string> {
    this.#show(question);
    const bytes: Array<number> = [];
    for (;;) {
      const byte = await this.#next();
      if (byte === undefined && bytes.length === 0) throw new Cancelled();
      if (byte === undefined || byte === NEWLINE) break;
      bytes.push(byte);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes)).replace(/\r$/, "");
  }

  async askHidden(question: string): Promise<string> {
    const line = new HiddenLine();
    Deno.stdin.setRaw(true); // before the question: what is typed at once is not shown either
    try {
      this.#show(question);
      for (;;) {
        const byte = await this.#next();
        const typed = byte === undefined ? "none" : line.type(byte);
        if (typed === "whole") return line.text;
        if (typed !== "typing") throw new Cancelled();
      }
    } finally {
      Deno.stdin.setRaw(false);
      this.#show("\n");
    }
  }

  #show(text: string): void {
    Deno.stderr.writeSync(new TextEncoder().encode(text));
  }

  async #next(): Promise<number | undefined> {
    if (this.#left.length === 0) {
      const buffer = new Uint8Array(1024);
      const length = await Deno.stdin.read(buffer);
      if (length === null) return undefined;
      this.#left = buffer.subarray(0, length);
    }
    const [byte] = this.#left;
    this.#left = this.#left.subarray(1);
    return byte;
  }
}
