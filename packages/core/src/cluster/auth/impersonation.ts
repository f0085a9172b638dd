import type { Headers } from "../net/exchange.ts";
import type { KubeconfigUser } from "./kubeconfig.ts";

/** The headers for the `as` keys of a user entry: https://kubernetes.io/docs/reference/access-authn-authz/user-impersonation/ */
export function impersonationOf(user: KubeconfigUser): Headers {
  const extra = Object.entries(user.impersonateExtra).map(
    ([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values] as const,
  );
  return {
    ...(user.impersonate === undefined ? {} : { "Impersonate-User": user.impersonate }),
    ...(user.impersonateUid === undefined ? {} : { "Impersonate-Uid": user.impersonateUid }),
    ...(user.impersonateGroups.length === 0 ? {} : { "Impersonate-Group": user.impersonateGroups }),
    ...Object.fromEntries(extra),
  };
}
