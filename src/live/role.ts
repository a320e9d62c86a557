/**
 * What a visitor of the admin port may do. `viewer`: see sessions. `auditor`: see what was written in them, live and
 * recorded, too. `operator`: end them. Each of the latter two can see sessions; neither has the other's right.
 */
export const ROLES = ['viewer', 'auditor', 'operator'] as const;
export type Role = (typeof ROLES)[number];

export const WHO_PATH = '/api/v1/me';
export const SIGN_IN_PATH = '/api/v1/sign-in';
export const SIGN_OUT_PATH = '/api/v1/sign-out';
/** A page of another origin cannot set a header of this name without asking first, and is never answered. */
export const WRITE_HEADER = { name: 'x-requested-by', value: 'kubewitness' } as const;

/** What the admin port says of whoever asks. */
export interface Who {
  /** Absent: a local visitor whom no source knows, or nobody. */
  readonly user?: string;
  readonly roles: readonly Role[];
  /** By a token, which `sign-out` forgets. */
  readonly signedIn: boolean;
  /** Whether there is anybody who could sign in. */
  readonly canSignIn: boolean;
}
