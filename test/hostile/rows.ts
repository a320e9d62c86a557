/** Every row that has a test of its own here: lines of the bypass table, public faults by id, and ends of a session. */
const BYPASSES = [
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
  30, 31, 32, 33,
];

const FAULTS = {
  upgrade: [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 22, 23],
  websocket: [25, 26, 28, 29, 31, 32, 34, 35],
  spdy: [37, 38, 40, 41],
  fidelity: [43, 44, 46, 47, 49, 50, 52, 53],
  terminalSize: [55, 56, 58, 59],
  recorders: [61, 64, 65, 71],
  identity: [73, 74, 76, 77, 79, 80],
  ordinary: [82, 83, 85, 86, 88, 89],
  lifecycle: [91, 94, 95, 97, 101, 103],
};

/** How a session can end: `E1` client gone, `E2` upstream refuses, `E3` upstream resets, `E4` half-close, `E5` last bytes. */
const ENDS = ['E1', 'E2', 'E3', 'E4', 'E5'];

export const ROWS: readonly string[] = [
  ...BYPASSES.map(row => `R${String(row).padStart(2, '0')}`),
  ...Object.values(FAULTS)
    .flat()
    .map(fault => `B${String(fault).padStart(3, '0')}`),
  ...ENDS,
];

/** The rows that a test's name says it covers. */
export function rowsIn(name: string): string[] {
  return name.match(/\b(?:R\d{2}|B\d{3}|E\d)\b/g) ?? [];
}
