/** The figures that a broker process says in its log, read back. */

/** The fields of one line. */
export type Figures = Readonly<Record<string, string>>;

/** The `delivery figures` lines of a log, one for each URL each time they were said, in order. */
export const figuresIn = (log: string): ReadonlyArray<Figures> =>
  log.split("\n").filter((line) => line.includes(" delivery figures ")).map((line) =>
    Object.fromEntries(
      [...line.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value]),
    )
  );
