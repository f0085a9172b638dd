import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { KindPlugin, KubeObject, MemberState } from "@kinsync/core/contract";
import { formatHistory, historyConformance, loadHistories, parseHistory, reorderHistory } from "@kinsync/core/testing";
import type { CrossCheck, History, HistoryEvent, HistoryTruth } from "@kinsync/core/testing";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { JOBS, object, pod, teamKind, TEAMS } from "../../support/objects.ts";

const team = (attempt: number): KubeObject => object(TEAMS, "red", { status: { attempt } });
const job = (attempt: number): KubeObject =>
  object(JOBS, `red-${attempt}`, { owner: team(attempt), labels: { attempt: String(attempt) } });
const member = (attempt: number, phase = "Running"): KubeObject =>
  pod(`red-${attempt}-x`, { owner: job(attempt), status: { phase } });

const added = (object: KubeObject): Omit<HistoryEvent, "at"> => ({ type: "ADDED", object });
const modified = (object: KubeObject): Omit<HistoryEvent, "at"> => ({ type: "MODIFIED", object });
const truth = (members: Record<string, MemberState>, workload = "team/red"): Omit<HistoryTruth, "at"> => ({
  truth: { workload, members },
});

/** One line each ten milliseconds. */
function historyOf(...lines: readonly (Omit<HistoryEvent, "at"> | Omit<HistoryTruth, "at">)[]): History {
  return {
    name: "red",
    origin: { scenario: "the Team starts over and takes up the former attempt again" },
    lines: lines.map((line, place) => ({ ...line, at: place * 10 })),
    transcript: undefined,
  };
}

/** The Team goes from attempt 1 to 2 and back: what is younger is not what is current. */
const BACK_AGAIN = historyOf(
  added(team(1)),
  added(job(1)),
  added(member(1, "Pending")),
  modified(member(1)),
  truth({ "red-1-x": "current" }),
  modified(team(2)),
  added(job(2)),
  added(member(2, "Pending")),
  modified(member(2)),
  truth({ "red-1-x": "superseded", "red-2-x": "current" }),
  modified(team(1)),
  truth({ "red-1-x": "current", "red-2-x": "superseded" }),
);

/** The laws that a kind breaks, each with its complaint. */
function brokenLaws(kind: KindPlugin, history: History, crossCheck?: CrossCheck): Map<string, string> {
  const broken = new Map<string, string>();
  const run = (name: string, law: () => void): void => {
    try {
      law();
    } catch (error) {
      broken.set(name.replace(/^team: (red: )?/, ""), String(error));
    }
  };
  historyConformance(kind, [history], { test: run, ...(crossCheck === undefined ? {} : { crossCheck }) });
  return broken;
}

/** The kind with another answer for living pods. */
function answering(isCurrent: (own: number, root: KubeObject, owned: readonly KubeObject[]) => boolean): KindPlugin {
  return teamKind({
    judge: ({ root, owned }) => ({
      pod: ({ owners: [owner] }) => ({
        state: isCurrent(Number(owner?.metadata.labels?.["attempt"]), root, owned) ? "current" : "superseded",
        reason: { code: "compared", message: "attempts were compared" },
      }),
    }),
  });
}

test("a sound kind keeps all laws", () => {
  expect([...brokenLaws(teamKind(), BACK_AGAIN)]).toEqual([]);
});

test("a kind for which the newest owner wins is found at the truth that says otherwise", () => {
  const newest = answering((own, _root, owned) =>
    owned.every(({ metadata }) => Number(metadata.labels?.["attempt"]) <= own),
  );
  const broken = brokenLaws(newest, BACK_AGAIN);
  expect(broken.get("at each truth the members are as it states")).toContain("the members of team/red at 110 ms");
});

test("a kind that takes anybody where nobody is of the attempt is found by another order alone", () => {
  const fallingBack = answering((own, root, owned) => {
    const wanted = String(root.status?.["attempt"]);
    return own === Number(wanted) || !owned.some(({ metadata }) => metadata.labels?.["attempt"] === wanted);
  });
  // The Job came before the status that counts it. The other way round there is a moment without any.
  const history = historyOf(
    added(team(2)),
    ...[1, 2].flatMap((attempt) => [added(job(attempt)), added(member(attempt))]),
    truth({ "red-1-x": "superseded", "red-2-x": "current" }),
    added(job(3)),
    modified(team(3)),
    truth({ "red-1-x": "superseded", "red-2-x": "superseded" }),
  );
  const broken = brokenLaws(fallingBack, history);
  expect([...broken.keys()]).toEqual([
    "in other orders of the watches what two truths agree on holds",
    "with restarted watches what two truths agree on holds",
  ]);
  expect([...broken.values()].join()).toMatch(
    /in the order of seed \d+: red-1-x is superseded since 50 ms, and current/,
  );
});

test("a kind that takes an obsolete pod for current between two truths is found", () => {
  const flapping = answering((own, root) => own === 2 || root.metadata.labels?.["quiet"] !== "yes");
  const root = (quiet: string): KubeObject => object(TEAMS, "red", { labels: { quiet } });
  const history = historyOf(
    added(root("yes")),
    added(job(1)),
    added(member(1)),
    truth({ "red-1-x": "superseded" }),
    modified(root("no")),
    modified(root("yes")),
    truth({ "red-1-x": "superseded" }),
  );
  const broken = brokenLaws(flapping, history);
  expect(broken.get("what two truths agree on holds between them")).toContain(
    "red-1-x is superseded since 30 ms, and current after the event of 40 ms",
  );
});

test("a kind that throws before the first truth, when the root has no status yet, is found", () => {
  const careless = answering((own, root) => own === (root.status as { readonly attempt: number }).attempt);
  const history = historyOf(
    added(object(TEAMS, "red", {})),
    added(job(1)),
    added(member(1)),
    modified(team(1)),
    truth({ "red-1-x": "current" }),
  );
  const broken = brokenLaws(careless, history);
  expect(broken.get("what two truths agree on holds between them")).toContain(
    "the kind throws for Team red after the event of 20 ms",
  );
});

test("counts that contradict a truth are told", () => {
  const crossCheck: CrossCheck = ({ root }) => (root?.status?.["attempt"] === 2 ? ["2 is counted as 3"] : []);
  const broken = brokenLaws(teamKind(), BACK_AGAIN, crossCheck);
  expect(broken.get("the controller counts what the truths state")).toContain("2 is counted as 3");
});

test("a transcript that tells other changes is told", () => {
  const broken = brokenLaws(teamKind(), { ...BACK_AGAIN, transcript: ["20 red-1-x: - -> kept"] });
  expect([...broken.keys()]).toEqual(["each change is that of the transcript"]);
});

test("a truth about another kind's workload is told", () => {
  const history = historyOf(added(team(1)), truth({}, "deploy/red"));
  expect([...brokenLaws(teamKind(), history).values()].join()).toContain("about deploy/red, which is not a Team");
});

test("no histories at all are told", () => {
  const broken: string[] = [];
  const run = (_name: string, law: () => void): void => {
    expect(law).toThrow("there are no histories");
    broken.push("told");
  };
  historyConformance(teamKind(), [], { test: run });
  expect(broken).toEqual(["told"]);
});

test.each([
  ["no JSON", "{", /history red, line 1 is not JSON/],
  ["neither event nor truth", '{"at":1}', /line 1 is neither an event nor a truth/],
  ["time goes backwards", formatHistory(historyOf(truth({}))) + '{"at":-1}', /line 3: "at" is not a number, or/],
  ["no truth", formatHistory(historyOf(added(team(1)))), /states no truth/],
])("a history with a fault is refused: %s", (_fault, text, complaint) => {
  expect(() => parseHistory("red", text)).toThrow(complaint);
});

test("a change of an object that nobody knows is refused", () => {
  const text = '{"at":1,"type":"MODIFIED","of":"Pod x","uid":"u1","change":{}}';
  expect(() => parseHistory("red", text)).toThrow("line 1 changes an object that no earlier line contains: u1");
});

test("what is written of any objects is read again, however they changed", () => {
  const part = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 });
  const event = fc.record({ uid: fc.constantFrom("u1", "u2"), spec: part, status: part, gone: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), (events) => {
      const alive = new Set<string>();
      const lines = events.map(({ uid, spec, status, gone }, at): HistoryEvent => {
        const type = !alive.has(uid) ? "ADDED" : gone ? "DELETED" : "MODIFIED";
        if (type === "DELETED") alive.delete(uid);
        else alive.add(uid);
        return { at, type, object: object(TEAMS, uid, { uid, spec, status }) };
      });
      const history = { origin: undefined, lines: [...lines, { at: 99, ...truth({}) }] };
      // As JSON has it: -0 is 0.
      expect(parseHistory("any", formatHistory(history)).lines).toEqual(JSON.parse(JSON.stringify(history.lines)));
    }),
  );
});

test("a folder of histories is read with its transcripts; an empty one is refused", async () => {
  const path = await mkdtemp(join(tmpdir(), "kinsync-histories-"));
  onTestFinished(() => rm(path, { recursive: true }));
  const folder = pathToFileURL(`${path}/`);
  expect(() => loadHistories(folder)).toThrow("there is no history");
  await writeFile(join(path, "b.jsonl"), formatHistory(BACK_AGAIN));
  await writeFile(join(path, "a.jsonl"), formatHistory(BACK_AGAIN));
  await writeFile(join(path, "a.txt"), "0 x: - -> current\n");
  const { lines, origin } = BACK_AGAIN;
  expect(loadHistories(folder)).toEqual([
    { name: "a", origin, lines, transcript: ["0 x: - -> current"] },
    { name: "b", origin, lines, transcript: undefined },
  ]);
});

const numbers = fc.infiniteStream(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }));
const isTruth = (line: HistoryEvent | HistoryTruth): line is HistoryTruth => "truth" in line;

test("another order has the same events, each watch in its own order, and none passes a truth", () => {
  fc.assert(
    fc.property(numbers, (stream) => {
      const lines = reorderHistory(BACK_AGAIN.lines, () => Number(stream.next().value));
      expect(lines.map(isTruth)).toEqual(BACK_AGAIN.lines.map(isTruth));
      for (const kind of ["Team", "Job", "Pod"]) {
        const ofKind = (line: HistoryEvent | HistoryTruth): boolean => isTruth(line) || line.object.kind === kind;
        expect(lines.filter(ofKind)).toEqual(BACK_AGAIN.lines.filter(ofKind));
      }
    }),
  );
});

test("with loss, the last state of each object before a truth still arrives", () => {
  fc.assert(
    fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (stream, loss) => {
      const lines = reorderHistory(BACK_AGAIN.lines, () => Number(stream.next().value), { loss });
      expect(statesAtTruths(lines)).toEqual(statesAtTruths(BACK_AGAIN.lines));
    }),
  );
});

test("with loss, an object that came and went during a gap is never seen", () => {
  const history = historyOf(added(team(1)), added(member(1)), { type: "DELETED", object: member(1) }, truth({}));
  const lines = reorderHistory(history.lines, () => 0.9, { loss: 1 });
  expect(lines.flatMap((line) => (isTruth(line) ? [] : [line.object.kind]))).toEqual(["Team"]);
});

function statesAtTruths(lines: readonly (HistoryEvent | HistoryTruth)[]): object[] {
  const states: Record<string, unknown> = {};
  const result: object[] = [];
  for (const line of lines) {
    if (isTruth(line)) result.push({ ...states });
    else states[line.object.metadata.uid] = line.object;
  }
  return result;
}
