import { createPlayground, podManifest, untilRunning, type Playground } from "./playground.ts";
import { createWorkplace, type Ran, type Workplace } from "./run.ts";

/** A playground and a folder with `src/main.py`, for all tests of a file. */
export class TestCluster implements AsyncDisposable {
  readonly playground: Playground;
  readonly place: Workplace;

  private constructor(playground: Playground, place: Workplace) {
    this.playground = playground;
    this.place = place;
  }

  /** The pod `app` runs. */
  static async start(): Promise<TestCluster> {
    const playground = await createPlayground();
    const place = await createWorkplace({ "src/main.py": "print(1)\n" });
    playground.apply(podManifest({ name: "app" }));
    await untilRunning(playground, "app");
    return new TestCluster(playground, place);
  }

  /** Runs a command line in this process. */
  run(line: string, env: Readonly<Record<string, string>> = {}): Promise<Ran> {
    return this.place.run(line.split(" "), { env: { KUBECONFIG: this.playground.kubeconfigPath, ...env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.place[Symbol.asyncDispose]();
    await this.playground[Symbol.asyncDispose]();
  }
}
