/**
 * Makes a Deno process collect its garbage, by its inspector, so that its memory is what it holds and
 * not what it has not yet thrown away. The process must have been started with `--inspect`.
 */
export const collectGarbage = async (inspectorPort: number): Promise<void> => {
  const response = await fetch(`http://127.0.0.1:${inspectorPort}/json`);
  const [target] = await response.json() as [{ readonly webSocketDebuggerUrl: string }]; // one process, one target
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () =>
        socket.send(JSON.stringify({ id: 1, method: "HeapProfiler.collectGarbage" }));
      socket.onmessage = ({ data }) => {
        if ((JSON.parse(data) as { id?: number }).id === 1) resolve(); // else it is a notification
      };
      socket.onerror = () => reject(new Error("no answer from the inspector"));
    });
  } finally {
    socket.close();
  }
};
