import type { AdminAccess } from '../admin/access.ts';
import { rolesOf } from '../config/rules.ts';
import type { Config } from '../config/schema.ts';
import type { Authenticator } from '../identity/authenticate.ts';
import type { Role } from '../live/role.ts';

/** Whoever is on the machine itself sees that sessions run, and no more. */
const LOCAL: readonly Role[] = ['viewer'];

/** Who may do what on the admin port, as the configuration in force says it. */
export function adminAccess(config: () => Config, authenticate: () => Authenticator): AdminAccess {
  return {
    authenticate: request => authenticate()(request),
    get roles() {
      return rolesOf(config());
    },
    get local() {
      return config().admin.local ?? LOCAL;
    },
    get hosts() {
      return config().admin.hosts;
    },
    get tokens() {
      const { identity } = config();
      return identity.static !== undefined || identity.tokenReview !== undefined;
    },
  };
}

/** Whether there is anybody for whom live casts are to be kept. */
export function mayWatch(config: Config): boolean {
  return (config.admin.local ?? LOCAL).includes('auditor') || rolesOf(config).auditor.length > 0;
}
