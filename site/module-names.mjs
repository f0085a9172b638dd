// A plugin of TypeDoc: modules have the names that programs import, such as `@kinsync/core/contract` for core/src/contract.
import { Converter, ReflectionKind } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.getReflectionsByKind(ReflectionKind.Module)) {
      const [, folder, entry = ""] = /^([\w-]+)\/src(\/\w+)?$/.exec(module.name);
      module.name = `${folder === "cli" ? "kinsync" : `@kinsync/${folder}`}${entry}`;
    }
  });
}
