/** A number that a run of tests was given behind `--`: `deno test … -- --fuzz-seed=7`. */
export const flag = (name: string, otherwise: number): number => {
  const given = Deno.args.find((arg) => arg.startsWith(`--${name}=`));
  return given === undefined ? otherwise : Number(given.slice(name.length + 3));
};
