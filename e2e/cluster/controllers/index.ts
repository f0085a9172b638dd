import { APPWRAPPER } from "./appwrapper.ts";
import { ARGO_ROLLOUTS } from "./argo-rollouts.ts";
import type { Controller } from "./controller.ts";
import { KUBEFLOW_TRAINER } from "./kubeflow-trainer.ts";
import { KUBERAY } from "./kuberay.ts";
import { KNATIVE } from "./knative.ts";
import { KRUISE } from "./kruise.ts";
import { LWS } from "./lws.ts";
import { MPI_OPERATOR } from "./mpi-operator.ts";
import { TRAINING_OPERATOR } from "./training-operator.ts";

export type { Controller } from "./controller.ts";

/** The controllers of other projects that can be built here. */
export const CONTROLLERS: readonly Controller[] = [
  ARGO_ROLLOUTS,
  KUBERAY,
  MPI_OPERATOR,
  KUBEFLOW_TRAINER,
  APPWRAPPER,
  KRUISE,
  TRAINING_OPERATOR,
  KNATIVE,
  LWS,
];

/** @throws if there is no such controller */
export function controllerNamed(name: string): Controller {
  const found = CONTROLLERS.find((controller) => controller.name === name);
  if (found !== undefined) return found;
  throw new Error(`there is no controller ${name}. Choose one of: ${CONTROLLERS.map((each) => each.name).join(", ")}`);
}
