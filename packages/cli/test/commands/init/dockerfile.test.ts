import { expect, test } from "vitest";
import { readDockerfile } from "../../../src/commands/init/dockerfile.ts";
import { rulesOfDockerfile } from "../../../src/commands/init/read-folder.ts";
import { createWorkplace } from "../../support/run.ts";

async function copiesOf(text: string): Promise<readonly string[]> {
  const { copies } = await readDockerfile(text, "Dockerfile");
  return copies.map(({ from, to, toIsFolder }) => `${from} -> ${to}${toIsFolder ? "/" : ""}`);
}

test.each<[situation: string, text: string, copies: readonly string[]]>([
  ["a folder", "FROM a\nCOPY src /app/src", ["src -> /app/src"]],
  ["the whole context below the working directory", "FROM a\nWORKDIR /srv\nCOPY . .", [". -> /srv/"]],
  ["a working directory in two steps", "FROM a\nWORKDIR /srv\nWORKDIR app\nCOPY . x", [". -> /srv/app/x"]],
  ["no working directory", "FROM a\nCOPY src src", ["src -> src"]],
  ["the JSON form", 'FROM a\nCOPY ["a b", "/app/"]', ["a b -> /app/"]],
  ["flags", "FROM a\nCOPY --chown=1:1 --link src /app", ["src -> /app"]],
  ["several sources", "FROM a\nCOPY a.txt b.txt /app/", ["a.txt -> /app/", "b.txt -> /app/"]],
  ["variables", "FROM a\nARG ROOT=/opt\nENV HOME_DIR=${ROOT}/x\nCOPY src ${HOME_DIR}/src", ["src -> /opt/x/src"]],
  ["a default value", "FROM a\nCOPY src ${NONE:-/app}/src", ["src -> /app/src"]],
  ["a stage that another is built from", "FROM a AS base\nWORKDIR /app\nCOPY src src\nFROM base", ["src -> /app/src"]],
  ["a stage that is not used", "FROM a AS test\nCOPY test /test\nFROM b\nCOPY src /src", ["src -> /src"]],
  [
    "files by way of another stage",
    "FROM a AS build\nWORKDIR /w\nCOPY . .\nFROM b\nCOPY --from=build /w /app",
    [". -> /app/"],
  ],
  ["files of another image", "FROM a\nCOPY --from=nginx:1 /etc/nginx /etc/nginx", []],
  ["build output of another stage", "FROM a AS build\nCOPY . /w\nFROM b\nCOPY --from=build /w/dist /app", []],
])("a Dockerfile with %s", async (_situation, text, copies) => {
  expect(await copiesOf(text)).toEqual(copies);
});

test.each<[situation: string, line: string, note: string]>([
  ["a wildcard", "COPY *.py /app/", "Dockerfile:2: *.py has a wildcard; a sync rule names a folder or a file"],
  ["an address", "ADD https://x.example/a.tar /app/", "Dockerfile:2: https://x.example/a.tar comes from the network"],
  ["an unknown variable", "COPY src $NOWHERE/src", "Dockerfile:2: a path has a variable without a value"],
])("%s is a note", async (_situation, line, note) => {
  expect((await readDockerfile(`FROM a\n${line}`, "Dockerfile")).notes).toEqual([note]);
});

test("rules that another one includes, and paths that do not exist, are left out", async () => {
  await using place = await createWorkplace({
    "app/requirements.txt": "",
    "app/main.py": "",
    "app/.dockerignore": "",
    "app/Dockerfile":
      "FROM a\nWORKDIR /srv\nCOPY requirements.txt .\nCOPY . .\nCOPY main.py /usr/local/bin/run\nCOPY none /x\nCOPY . /usr/lib\n",
  });
  const { rules, notes } = await rulesOfDockerfile(place.path, "app/Dockerfile");
  expect(rules.map(({ from, to }) => `${from} -> ${to}`)).toEqual(["app -> /srv", "app/main.py -> /usr/local/bin/run"]);
  expect(notes).toEqual([
    "app/Dockerfile:6: there is no none here",
    "app/Dockerfile:7: /usr/lib is a system folder; kinsync maps only folders below it",
  ]);
});
