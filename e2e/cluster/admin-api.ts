import {
  ApiextensionsV1Api,
  CoreV1Api,
  createConfiguration,
  KubeConfig,
  ServerConfiguration,
} from "@kubernetes/client-node";
import type { V1Pod } from "@kubernetes/client-node";

/** Time limit of one request; the client itself sets none. */
const REQUEST_LIMIT_MS = 5_000;

/** The API server as an administrator sees it. Answers `false` or `undefined` if an object is missing or the API server is not reachable. */
export class AdminApi {
  readonly #core: CoreV1Api;
  readonly #extensions: ApiextensionsV1Api;

  /** @param kubeconfig path of an administrator's kubeconfig */
  constructor(kubeconfig: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    const configuration = createConfiguration({
      baseServer: new ServerConfiguration(config.getCurrentCluster()?.server ?? "", {}),
      authMethods: { default: config },
      promiseMiddleware: [
        {
          pre: (request) => {
            request.setSignal(AbortSignal.timeout(REQUEST_LIMIT_MS));
            return Promise.resolve(request);
          },
          post: (response) => Promise.resolve(response),
        },
      ],
    });
    this.#core = new CoreV1Api(configuration);
    this.#extensions = new ApiextensionsV1Api(configuration);
  }

  findPod(namespace: string, name: string): Promise<V1Pod | undefined> {
    return orUndefined(this.#core.readNamespacedPod({ namespace, name }));
  }

  async isNodeReady(name: string): Promise<boolean> {
    return isTrue(await orUndefined(this.#core.readNode({ name })), "Ready");
  }

  /** @param name `jobsets.jobset.x-k8s.io` */
  async isServed(name: string): Promise<boolean> {
    return isTrue(await orUndefined(this.#extensions.readCustomResourceDefinition({ name })), "Established");
  }

  async hasServiceAccount(namespace: string, name: string): Promise<boolean> {
    return (await orUndefined(this.#core.readNamespacedServiceAccount({ namespace, name }))) !== undefined;
  }
}

async function orUndefined<Result>(request: Promise<Result>): Promise<Result | undefined> {
  return request.catch(() => undefined);
}

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

function isTrue(object: WithConditions | undefined, condition: string): boolean {
  return object?.status?.conditions?.some(({ type, status }) => type === condition && status === "True") ?? false;
}
