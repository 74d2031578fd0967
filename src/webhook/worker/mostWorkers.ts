/** The fewest cores with which workers bring anything; see `mostWorkers`. */
const FEWEST_CORES = 3;

/**
 * The workers that there may be: as many as `worker_threads` says, and no more than there are cores beside the
 * broker's. With two cores none: a lone worker takes nine tenths of the time that the broker's thread takes for all of
 * it, and all threads together four tenths more (bench/README.md).
 *
 * @param workerThreads the setting
 * @param cores absent: those that this process may use
 */
export const mostWorkers = (
  workerThreads: number,
  cores: number = navigator.hardwareConcurrency,
): number => cores < FEWEST_CORES ? 0 : Math.min(workerThreads, cores - 1);
