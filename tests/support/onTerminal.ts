/**
 * A task of deno.json on a terminal of its own, made by Python's pty: what a terminal shows is what the
 * program wrote and what it let be echoed. Answers are typed when their question is there.
 */
import { taskWords } from "./BrokerProcess.ts";

const DRIVER = `
import json, os, pty, select, sys, time
command, steps, seconds = json.loads(sys.argv[1]), json.loads(sys.argv[2]), float(sys.argv[3])
pid, fd = pty.fork()
if pid == 0:
    os.chdir(command[0])
    os.environ["NO_COLOR"] = "1"
    os.execvp(command[1], command[1:])
shown, seen, end = b"", 0, time.monotonic() + seconds
while time.monotonic() < end:
    if steps and steps[0][0].encode() in shown[seen:]:
        seen = len(shown)
        os.write(fd, steps.pop(0)[1].encode())
    if not select.select([fd], [], [], 0.2)[0]: continue
    try: data = os.read(fd, 4096)
    except OSError: break
    if not data: break
    shown += data
else:
    os.kill(pid, 9)
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"code": code, "shown": shown.decode(errors="replace"), "left": len(steps)}))
`;

/** How the program ended, all that the terminal showed, and how many questions never came. */
export interface OnTerminal {
  readonly code: number;
  readonly shown: string;
  readonly left: number;
}

/** Runs it; `steps`: what is typed when a question has been shown. Killed after `seconds`. */
export const onTerminal = async (
  task: Parameters<typeof taskWords>[0],
  args: ReadonlyArray<string>,
  steps: ReadonlyArray<readonly [question: string, typed: string]>,
  seconds = 30,
): Promise<OnTerminal> => {
  const { cwd, words } = taskWords(task, args);
  const { success, stdout, stderr } = await new Deno.Command("python3", {
    args: ["-c", DRIVER, JSON.stringify([cwd, ...words]), JSON.stringify(steps), `${seconds}`],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(text.decode(stderr));
  return JSON.parse(text.decode(stdout));
};
