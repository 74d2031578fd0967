/** The figures that a broker process says in its log, read back. */

/** The fields of one line; those of an event stand by its name, as they were written. */
export type Figures = Readonly<Record<string, string>>;

/** The `delivery figures` of a log, one for each URL each time they were said, in order. */
export const figuresIn = (log: string): ReadonlyArray<Figures> => {
  const all: Array<Record<string, string>> = [];
  let isWithin = false;
  for (const line of log.split("\n")) {
    const [, event, counts] = /^ {4}(\w+): (.*)$/.exec(line) ?? [];
    if (line.includes(" delivery figures ")) all.push(fieldsOf(line));
    else if (isWithin && event !== undefined) Object.assign(all.at(-1) ?? {}, { [event]: counts });
    isWithin = line.includes(" delivery figures ") || (isWithin && event !== undefined);
  }
  return all;
};

/** `a=1 b=x` as a record. */
export const fieldsOf = (text: string): Record<string, string> =>
  Object.fromEntries([...text.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]));
