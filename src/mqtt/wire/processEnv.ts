/**
 * Lets mqtt-packet load without the permission to read the environment.
 *
 * It requires `readable-stream` and `debug`, which look at `process.env` while they load; without
 * `--allow-env` that throws. They find an empty environment instead. Imported before mqtt-packet.
 */
import process from "node:process";

const readable = () => {
  try {
    process.env["READABLE_STREAM"];
    return true;
  } catch {
    return false; // the permission is not granted: nothing else can fail here
  }
};

if (!readable()) Object.defineProperty(process, "env", { value: {} });
