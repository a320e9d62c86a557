import type { LayoutStyle } from './chart-layout.ts';

/** What is shown of the session machine: the states whose names are a contract. */
export const CONTRACT_DEPTH = 2;

/** The picture in the docs, with the events written beside the arrows. */
export const DOCUMENT: LayoutStyle = {
  direction: 'DOWN',
  state: { width: 166, height: 36 },
  label: { character: 6.2, line: 13 },
  gap: { along: 44, across: 30 },
  lane: 10,
};

/** On a page that is wide enough, with room in each state for what is in it. */
export const WIDE: LayoutStyle = {
  direction: 'RIGHT',
  state: { width: 182, height: 106 },
  gap: { along: 22, across: 24 },
  lane: 8,
};

/** On a telephone. */
export const NARROW: LayoutStyle = {
  direction: 'DOWN',
  state: { width: 178, height: 106 },
  gap: { along: 22, across: 10 },
  lane: 6,
};
