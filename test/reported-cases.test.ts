import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "..");

/**
 * Problems that users of kinsync or of its neighbors reported, and the test that keeps each from coming back: its file, and its text
 * there. A test that moves or gets another name changes its line here.
 */
const CASES: readonly (readonly [problem: string, file: string, text: string])[] = [
  // What is there stays.
  [
    "a rename that changes only case deletes the file where the target has no case",
    "core/test/sync/plan/case-renames.test.ts",
    "a rename that changes only case or Unicode form",
  ],
  [
    "the same for a folder",
    "transport-exec/test/agents/case.test.ts",
    "gets its new name where both names are the same folder",
  ],
  [
    "mirror empties volumes that are mounted below",
    "e2e/situations/mounts.test.ts",
    "mirror deletes nothing of the volumes below its folder",
  ],
  ["mirror fails at a read-only mount below", "e2e/situations/mounts.test.ts", "readOnly: true"],
  [
    "modes of folders that the image brought are changed",
    "core/test/sync/plan/modes.test.ts",
    "an existing folder with setgid keeps its mode",
  ],
  ["modes of equal files are changed", "core/test/sync/plan/modes.test.ts", "an equal file keeps its mode"],
  [
    "a build skips what arrived while it ran",
    "transport-exec/test/agents/metadata.test.ts",
    "a batch that took long to arrive has the time of its commit",
  ],
  [
    "files and folders named 4913 are missing",
    "core/test/local/ignore/temporary-files.test.ts",
    "folders and files named 4913 are data",
  ],
  // The workload is not harmed.
  ["the agent ends the program for its memory, again and again", "transport-exec/test/agent/choice.test.ts", "memory"],
  [
    "zombies where the first process does not wait",
    "transport-exec/test/agents/lifetime.test.ts",
    "leaves no process and no zombie",
  ],
  [
    "what is staged wakes reloaders before the commit",
    "transport-exec/test/agents/reloaders.test.ts",
    "what is staged has the name of no source",
  ],
  [
    "agents pile up where a network goes away silently",
    "transport-exec/test/session/former-agent.test.ts",
    "ends the agent that a silent loss left behind",
  ],
  [
    "new files in the folder of the program's user are root's",
    "transport-exec/test/agents/metadata.test.ts",
    "new files and folders take the owner, the group and the setgid bit of their folder",
  ],
  // A target is served where that is possible.
  [
    "a mode or owner that may not be set fails the whole target",
    "transport-exec/test/agents/metadata.test.ts",
    "gets the bytes and one note for each kind",
  ],
  [
    "a mode that cannot be set is sent at each connection",
    "core/test/sync/target/foreign-files.test.ts",
    "plans a mode that cannot be set neither again nor after a lost connection",
  ],
  [
    "a warning on standard error makes each file fail",
    "transport-exec/test/agents/noise.test.ts",
    "change no save, no inventory and no error",
  ],
  [
    "pods with one volume drive each other out",
    "e2e/situations/places.test.ts",
    "three pods with one volume are written once and stay quiet",
  ],
  [
    "two containers with one emptyDir drive each other out",
    "e2e/situations/places.test.ts",
    "two containers with one emptyDir are written once",
  ],
  ["a dd that loses bytes into a pipe", "transport-exec/test/agent/environments.test.ts", "uutils dd that loses bytes"],
  [
    "folders that cannot be renamed",
    "transport-exec/test/agents/volumes.test.ts",
    "gets new folders file by file, whatever the refusal, and one note",
  ],
  [
    "a resource of somebody else that answers 500",
    "cli/test/clusters-that-say-no.test.ts",
    "a foreign resource whose list fails with 500 does not stop a workload",
  ],
  // Logins.
  [
    "a failing login plugin is started in a storm",
    "core/test/cluster/auth/failing-plugin.test.ts",
    "a failing plugin pauses for all callers: hundred requests start it once",
  ],
  [
    "a login plugin that prompts is not shown",
    "core/test/cluster/auth/credential-plugin.test.ts",
    "a prompt outlives the requests that wait for it",
  ],
  [
    "a login plugin that wants a terminal",
    "core/test/cluster/auth/credential-plugin.test.ts",
    "wants a terminal and there is none",
  ],
  [
    "an API server that does not answer is an internal error",
    "core/test/resolve/find/find-workload.test.ts",
    "an API server that does not answer within the time limit is unreachable",
  ],
  [
    "a new token in the kubeconfig is never read",
    "core/test/cluster/auth/replaced-entries.test.ts",
    "a token that a login tool replaces in the kubeconfig is used from the next refusal on",
  ],
  [
    "something on the way refuses WebSockets",
    "core/test/cluster/net/socket-refused.test.ts",
    "the answer is no WebSocket's",
  ],
  [
    "a kubeconfig that comes through a pipe is read twice",
    "core/test/cluster/auth/kubeconfig.test.ts",
    "a kubeconfig that comes through a pipe is read once",
  ],
  [
    "a colon in the name of a kubeconfig",
    "core/test/cluster/support/logins/cases-cluster.ts",
    "--kubeconfig with a colon in its name",
  ],
  ["a kubeconfig in UTF-16", "core/test/cluster/auth/kubeconfig.test.ts", "as PowerShell writes it"],
  // Config and local files.
  [
    ".config/config.js of the project is executed",
    "core/test/config/load.test.ts",
    "no other file than the config is run or merged",
  ],
  [
    "a config of another user stops a run",
    "core/test/config/load.test.ts",
    "a file of another user is refused before it is run",
  ],
  [
    "a package.json in the middle of a merge stops a run without a config",
    "core/test/config/load.test.ts",
    "a package.json %s holds no config",
  ],
  [
    "a small temporary folder counts as a defect of the plugin",
    "e2e/situations/local-failures.test.ts",
    "a missing TMPDIR is named, and kinsync continues once it exists",
  ],
  [
    "a full temporary folder",
    "core/test/sync/archive/local-failures.test.ts",
    "a full temporary folder fails the batch",
  ],
  [
    ".gitignore that lists what belongs brings .git along",
    "core/test/local/ignore/ignore-rules.test.ts",
    "repositories and installed packages stay out although a .gitignore lists what belongs to the project",
  ],
  [
    ".gitignore files of folders below are not read",
    "core/test/local/ignore/ignore-rules.test.ts",
    "nested .gitignore files ignore what git ignores",
  ],
  ["files that checkers write for a moment", "core/test/local/ignore/ignore-rules.test.ts", "flycheck_app.py"],
  [
    "a volume below another one does not start in the playground",
    "playground/test/runtime/confined-container.test.ts",
    "has its volumes below other volumes",
  ],
  // Found by attack.
  [
    "a new folder in an existing folder never arrives",
    "transport-exec/test/agents/shapes.test.ts",
    "makes a new folder in %s",
  ],
  [
    "nothing is heard in a file that became a folder",
    "core/test/local/any-changes.test.ts",
    "after any changes the watched tree equals that of a fresh scan",
  ],
  [
    "a file that keeps growing starves every target",
    "core/test/local/restless-files.test.ts",
    "a file that only grows is never left out",
  ],
  [
    "a file that changes all the time delays others",
    "e2e/situations/local-failures.test.ts",
    "all the time delays no other file",
  ],
  [
    "any order of saves, faults, restarts and takeovers",
    "core/test/engine/histories.test.ts",
    "a run that is ended at any moment leaves no timer, watch or session behind",
  ],
  [
    "a save that comes while a pass fails for good is never tried",
    "core/test/sync/target/retries.test.ts",
    "an error that needs the user fails the target, and the next save retries",
  ],
  [
    "a file that vanished while it was sent",
    "e2e/situations/local-failures.test.ts",
    "a file that vanishes while it is sent delays nothing else",
  ],
  ["one unusual name blocks the whole target", "transport-exec/test/agents/hostile.test.ts", "HOSTILE_NAMES"],
  ["a link's target is read as an answer", "transport-exec/test/agents/hostile.test.ts", "HOSTILE_TARGETS"],
  [
    "a read-only folder refuses users other than root",
    "transport-exec/test/commit/commit-plan.test.ts",
    'directory: "n", mode: 0o555',
  ],
  [
    "the older of two runs takes a target back",
    "e2e/situations/runs.test.ts",
    "the newer of two runs takes over, and the older reports it",
  ],
  [
    "two workloads of one run fight for a path of one pod",
    "core/test/engine/places/shared-mappings.test.ts",
    "two workloads bring different folders to one path of one pod: the first keeps it",
  ],
  [
    "a save or a marker is led out of the root by a link",
    "transport-exec/test/agents/races.test.ts",
    "never follows a link that appears in the place of a file during a save",
  ],
  [
    "the agent as root overwrites any file through a link",
    "transport-exec/test/agents/races.test.ts",
    "as root writes through no link in a state directory of another user",
  ],
  [
    "nothing outside of the mapped path changes",
    "test/outside-mapped-paths.test.ts",
    "changes nothing outside of the mapped path, whatever the config and the history",
  ],
  [
    "an event names the role that a member had",
    "core/test/engine/engine.test.ts",
    "events name the role and index that a member has now",
  ],
  [
    "an output that cannot be written is exit code 0",
    "cli/test/output-that-fails.test.ts",
    "an output that cannot be written is named, and the exit code is 1",
  ],
  [
    "a config that is a pipe hangs",
    "core/test/config/load.test.ts",
    "a config that is no regular file is refused, not read",
  ],
  [
    "a container floods the agent's output",
    "transport-exec/test/agent/start-agent.test.ts",
    "fails if the program floods its output",
  ],
  [
    "lines of others in the journal",
    "transport-exec/test/commit/manifest.test.ts",
    "lines of others that lead out of the root, or into the state directory, name no path",
  ],
  [
    "a hard link's other name gets the mode, too",
    "transport-exec/test/agents/metadata.test.ts",
    "a file with another name outside of the root gets its mode, and the other name keeps its own",
  ],
  ["limits of inotify", "core/test/local/lost-events.test.ts", "fs.inotify.max_user_watches"],
  ["very deep folders and very many files", "transport-exec/test/agents/scale.test.ts", "folders deep"],
];

test.each(CASES)("the test for %j is there", (_, file, text) => {
  const path = join(ROOT, /^(e2e|test)\//.test(file) ? file : join("packages", file));
  expect(existsSync(path), `${file} is missing`).toBe(true);
  expect(readFileSync(path, "utf8"), `${file} has no test with this text`).toContain(text);
});
