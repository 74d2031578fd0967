/** What a Deno process can be asked by its inspector. It must have been started with `--inspect`. */

/** Makes it collect its garbage, so that its memory is what it holds and not what it has not yet thrown away. */
export const collectGarbage = async (port: number): Promise<void> => {
  await ask(port, "HeapProfiler.collectGarbage");
};

/** Bytes of its JavaScript heap that are in use, what could be collected included; of its main thread. */
export const heapUsed = async (port: number): Promise<number> => {
  const { usedSize } = await ask(port, "Runtime.getHeapUsage") as { readonly usedSize: number }; // as the protocol says
  return usedSize;
};

const ask = async (port: number, method: string): Promise<unknown> => {
  const response = await fetch(`http://127.0.0.1:${port}/json`);
  const [target] = await response.json() as [{ readonly webSocketDebuggerUrl: string }]; // one process, one target
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    return await new Promise((resolve, reject) => {
      socket.onopen = () => socket.send(JSON.stringify({ id: 1, method }));
      socket.onmessage = ({ data }) => {
        const { id, result } = JSON.parse(data) as { id?: number; result?: unknown };
        if (id === 1) resolve(result); // else it is a notification
      };
      socket.onerror = () => reject(new Error("no answer from the inspector"));
    });
  } finally {
    socket.close();
  }
};
