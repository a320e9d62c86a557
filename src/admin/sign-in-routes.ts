import { WitnessError } from '../errors.ts';
import { bearerToken } from '../identity/bearer.ts';
import { expiryOf } from '../identity/jwt-expiry.ts';
import type { Who } from '../live/role.ts';
import { SIGN_IN_PATH, SIGN_OUT_PATH, WHO_PATH } from '../live/role.ts';
import type { AdminAccess, Visitor } from './access.ts';
import { answerJson } from './answer.ts';
import { noCookie, secretOf, signInCookie } from './cookie.ts';
import type { Call, Route } from './route.ts';
import type { SignIns } from './sign-ins.ts';

/** Sources whose callers show something with each request, which browsers cannot do on a WebSocket. */
const BY_TOKEN: ReadonlySet<string> = new Set(['static', 'tokenReview']);

export interface SignInRoutesOptions {
  readonly access: AdminAccess;
  readonly signIns: SignIns;
}

/** Who one is; how a browser becomes somebody, and nobody again. The token comes in a header and goes no further. */
export class SignInRoutes {
  readonly #options: SignInRoutesOptions;

  constructor(options: SignInRoutesOptions) {
    this.#options = options;
  }

  get table(): Route[] {
    return [
      {
        // Never refused for want of a role: whoever has none must be able to learn it.
        path: pathOf(WHO_PATH),
        method: 'GET',
        needs: 'anybody',
        run: ({ visitor, response }) => answerJson(response, 200, this.#whoIs(visitor)),
      },
      {
        path: pathOf(SIGN_IN_PATH),
        method: 'POST',
        needs: 'anybody',
        run: call => this.#signIn(call),
      },
      {
        path: pathOf(SIGN_OUT_PATH),
        method: 'POST',
        needs: 'anybody',
        run: call => this.#signOut(call),
      },
    ];
  }

  #signIn({ request, response, visitor }: Call): void {
    const { signIns } = this.#options;
    const token = bearerToken(request.rawHeaders);
    if (token === undefined) throw new WitnessError('KW_UNAUTHENTICATED', 'no bearer token was sent');
    const { caller, roles } = visitor;
    if (caller === undefined) throw new WitnessError('KW_UNAUTHENTICATED', 'the bearer token is not known');
    if (roles.size === 0) {
      throw new WitnessError('KW_FORBIDDEN', `${caller.user} has no role here; admin.roles gives them`);
    }
    signIns.remove(secretOf(request) ?? '');
    // Whoever is known by the connection stays so, and by that alone.
    if (!BY_TOKEN.has(caller.source)) {
      answerJson(response, 200, this.#whoIs(visitor));
      return;
    }
    const secret = signIns.add(caller, expiryOf(token));
    answerJson(
      response,
      200,
      { ...this.#whoIs(visitor), signedIn: true },
      {
        'set-cookie': signInCookie(request, secret),
      },
    );
  }

  #signOut({ request, response }: Call): void {
    this.#options.signIns.remove(secretOf(request) ?? '');
    answerJson(response, 200, {}, { 'set-cookie': noCookie(request) });
  }

  #whoIs({ caller, roles, over }: Visitor): Who {
    return {
      ...(caller === undefined ? {} : { user: caller.user }),
      roles: [...roles],
      signedIn: over !== undefined,
      canSignIn:
        this.#options.access.tokens && Object.values(this.#options.access.roles).some(all => all.length > 0),
    };
  }
}

function pathOf(path: string): RegExp {
  return new RegExp(`^${path}$`);
}
