import { expect, test } from "vitest";
import { readForeign } from "../../../src/commands/init/import/read-foreign.ts";
import { createWorkplace } from "../../support/run.ts";

const FOLDER = {
  "src/main.py": "",
  "src/web/app.js": "",
  "api/cmd/main.go": "",
  "api/Dockerfile": "FROM go\nWORKDIR /work\nCOPY cmd ./cmd\n",
  "k8s/web.yaml":
    "kind: Deployment\nmetadata: { name: web, namespace: shop }\nspec: { template: { spec: { containers: [{ image: 'reg.io/team/web:1' }] } } }\n",
};

async function imported(name: string, text: string) {
  await using place = await createWorkplace({ ...FOLDER, [name]: text });
  const { entries, leftOut } = await readForeign(place.path, name);
  return {
    leftOut,
    entries: entries.map(({ workload, images, container, sync, run }) => ({
      workload,
      images,
      ...(container === undefined ? {} : { container }),
      sync: sync.map(({ from, to, ignore, ignoreFiles }) => [
        `${from} -> ${to}`,
        ...(ignore ?? []),
        ...(ignoreFiles ?? []),
      ]),
      run: run.map(({ when, command }) => ({ when, command })),
    })),
  };
}

test("a Tiltfile: literal steps are carried, computed ones are named, and the manifest tells the workload", async () => {
  const text = `
# docker_build('commented/out', '.', live_update=[sync('src', '/no')])
k8s_yaml(['k8s/web.yaml'])
SRC = './src/'
flags = ['--x'] if True else []
docker_build(
    'team/web', '.',
    ignore=['*.log', '**/tmp'],
    live_update=[
        sync(SRC, '/srv/' + 'src'),
        sync('.', '/srv/all'),
        sync(os.getcwd(), '/srv/cwd'),
        run('pip install -r requirements.txt', trigger='./src/requirements.txt'),
        run(flags),
        run(["make", """all"""], trigger=["src/a.py", "src/web"]),
        fall_back_on(['Dockerfile']),
    ],
)
docker_build('team/computed', '.', live_update=steps())
custom_build('team/api', 'make', ['api'], live_update=[sync('api/cmd', '/work/cmd')])
`;
  expect(await imported("Tiltfile", text)).toEqual({
    entries: [
      {
        workload: "deployment/web",
        images: ["team/web"],
        sync: [["src -> /srv/src"], [". -> /srv/all", "/*.log", "**/tmp"]],
        run: [
          { when: ["requirements.txt"], command: "pip install -r requirements.txt" },
          { when: ["a.py", "web"], command: ["make", "all"] },
        ],
      },
      { workload: undefined, images: ["team/api"], sync: [["api/cmd -> /work/cmd"]], run: [] },
    ],
    leftOut: [
      "Tiltfile:12: sync with a path that is computed",
      "Tiltfile:14: run with a command that is computed",
      "Tiltfile:16: fall_back_on; kinsync builds no images; Tilt does, and `kinsync up` follows the new pods",
      "Tiltfile:19: live_update is computed: steps(...)",
    ],
  });
});

test("a skaffold.yaml: manual rules with strip and globs, inferred ones, hooks", async () => {
  const text = `
apiVersion: skaffold/v4beta11
kind: Config
manifests: { rawYaml: ["k8s/*.yaml"] }
build:
  artifacts:
    - image: team/web
      sync:
        manual:
          - { src: "src/**/*.py", dest: /app, strip: src/ }
          - { src: "src/web/*.{js,css}", dest: /app }
          - { src: "src/**", dest: /other }
          - { src: "src/*.txt", dest: /odd, strip: src/web }
        hooks:
          before: [{ host: { command: [echo] } }]
          after: [{ container: { command: [kill, -HUP, "1"] } }]
    - image: team/api
      context: api
      sync: { infer: ["**/*.go"] }
    - image: team/none
      context: nowhere
      sync: { auto: true }
profiles:
  - name: dev
    build: { artifacts: [{ image: team/web, sync: { auto: true } }] }
`;
  expect(await imported("skaffold.yaml", text)).toEqual({
    entries: [
      {
        workload: "deployment/web",
        images: ["team/web"],
        sync: [
          ["src -> /app", "*", "!*/", "!*.py"],
          ["src/web -> /app/src/web", "*", "!*/", "!/*.js", "!/*.css"],
          ["src -> /other/src"],
        ],
        run: [{ when: ["**"], command: ["kill", "-HUP", "1"] }],
      },
      {
        workload: undefined,
        images: ["team/api"],
        sync: [["api/cmd -> /work/cmd", "*", "!*/", "!*.go"]],
        run: [],
      },
    ],
    leftOut: [
      "skaffold.yaml, team/web: sync.manual src/*.txt: `strip: src/web` removes more than the folder src",
      "skaffold.yaml, team/web: sync.hooks.before; kinsync runs commands after a sync only",
      "skaffold.yaml, team/none: sync.auto; there is no nowhere/Dockerfile to infer container paths from",
      "skaffold.yaml: the sync rules of the profile dev; write them into `profiles` of the config",
    ],
  });
});

test("a devspace.yaml: paths, excludes, commands; downloads and restarts are named", async () => {
  const text = `
version: v2beta1
dev:
  web:
    imageSelector: team/web
    container: app
    sync:
      - path: ./src:/app/src
        excludePaths: ["*.pyc"]
        excludeFile: .gitignore
        onUpload: { restartContainer: true, exec: [{ command: make, onChange: ["./main.py"] }] }
      - path: ./logs:/app/logs
        disableUpload: true
      - path: ./src
        initialSync: preferLocal
  vars:
    imageSelector: team/\${NAME}
    containers:
      api: { sync: [{ path: "./api:/work" }] }
`;
  expect(await imported("devspace.yaml", text)).toEqual({
    entries: [
      {
        workload: undefined,
        images: ["team/web"],
        container: "app",
        sync: [["src -> /app/src", "*.pyc", ".gitignore"], ["src -> src"]],
        run: [{ when: ["main.py"], command: "make" }],
      },
      { workload: undefined, images: [], container: "api", sync: [["api -> /work"]], run: [] },
    ],
    leftOut: [
      "devspace.yaml, dev.web.sync[0]: onUpload.restartContainer; restart the process with `run`",
      "devspace.yaml, dev.web.sync[1]: it only downloads; kinsync never changes local files",
      "devspace.yaml, dev.web.sync[2]: initialSync; kinsync brings containers up to date with the local files; see `initial` of the config",
    ],
  });
});

test("the list dev.sync of older devspace.yaml files is read", async () => {
  const text =
    "version: v1beta10\ndev:\n  sync:\n    - { imageSelector: team/web, localSubPath: ./src, containerPath: /app }\n";
  expect((await imported("devspace.yaml", text)).entries).toEqual([
    { workload: undefined, images: ["team/web"], sync: [["src -> /app"]], run: [] },
  ]);
});

test("another file, and one that cannot be parsed, is an error", async () => {
  await expect(imported("garden.yml", "a: 1")).rejects.toThrow("garden.yml is neither a Tiltfile nor a skaffold.yaml");
  await expect(imported("devspace.yaml", "a: [")).rejects.toThrow("devspace.yaml cannot be read: ");
});
