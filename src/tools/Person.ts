/** Who answers questions: somebody at a terminal, or a test. */
export interface Person {
  /** false: nobody is there to answer, and nothing may be asked. */
  readonly isThere: boolean;
  /** Tells a line that is no answer of the program's. */
  say(text: string): void;
  /** One line, as it was typed. @throws Cancelled */
  ask(question: string): Promise<string>;
  /** The same, of which nothing is shown. @throws Cancelled */
  askHidden(question: string): Promise<string>;
}

/** The person has given up: Ctrl-C, or the end of what is typed. */
export class Cancelled extends Error {}

/** A password, typed twice since it cannot be seen; asked for again until it is. @throws Cancelled */
export const askPassword = async (person: Person, whose: string): Promise<string> => {
  for (;;) {
    const password = await person.askHidden(`Password${whose} (it is not shown): `);
    if (password === "") person.say("It is empty.");
    else if (await person.askHidden("Once more: ") === password) return password;
    else person.say("The two differ.");
  }
};
