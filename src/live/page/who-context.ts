import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Role, Who } from '../role.ts';

/** Nobody, until the server has said who one is. */
export const NOBODY: Who = { roles: [], signedIn: false, canSignIn: false };

export const WhoContext = createContext<Who>(NOBODY);

/** Whether whoever looks has a role. It decides what is shown; what is allowed, the server decides each time. */
export function useRole(role: Role): boolean {
  return useContext(WhoContext).roles.includes(role);
}
