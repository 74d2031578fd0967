/** How the bench makes noise cancel out: everything measured takes turns, and medians are told. */

/** The middle value; of an even number the mean of the two in the middle. */
export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  if (upper === undefined) throw new Error("the median of nothing");
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2; // even: not the first
};

/** The median of each figure on its own. */
export const medians = <A extends { readonly [figure in keyof A]: number }>(
  measurements: ReadonlyArray<A>,
): A => {
  const [first] = measurements;
  const middle = { ...first! }; // there is a round
  for (const figure in middle) {
    middle[figure] = median(measurements.map((one) => one[figure])) as A[typeof figure]; // a number
  }
  return middle;
};

/**
 * Calls `measure` for each subject in turn, `rounds` times over, so that what disturbs the machine
 * disturbs all subjects; answers all measurements of each subject.
 */
export const interleaved = async <Subject, Measurement>(
  subjects: ReadonlyArray<Subject>,
  rounds: number,
  measure: (subject: Subject) => Promise<Measurement>,
): Promise<ReadonlyMap<Subject, ReadonlyArray<Measurement>>> => {
  const all = new Map<Subject, Array<Measurement>>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [subject, measurements] of all) measurements.push(await measure(subject));
  }
  return all;
};
