/** One instruction of a Dockerfile, its lines joined. */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly base: string;
  readonly name?: string;
  readonly steps: readonly Instruction[];
}

/** The instructions that our Dockerfile may have; whatever else turns up has to be taught here first. */
const KNOWN = [
  'FROM',
  'WORKDIR',
  'COPY',
  'RUN',
  'LABEL',
  'ENV',
  'USER',
  'EXPOSE',
  'HEALTHCHECK',
  'ENTRYPOINT',
  'CMD',
];

export function parseDockerfile(text: string): Stage[] {
  const stages: { base: string; name?: string; steps: Instruction[] }[] = [];
  for (const instruction of instructionsOf(text)) {
    if (!KNOWN.includes(instruction.name))
      throw new Error(`Dockerfile: ${instruction.name} is not known here`);
    if (instruction.name === 'FROM') {
      const [base = '', as, name] = instruction.text.split(/\s+/);
      stages.push({ base, steps: [], ...(as?.toUpperCase() === 'AS' && name !== undefined ? { name } : {}) });
    } else {
      const stage = stages.at(-1);
      if (stage === undefined) throw new Error('Dockerfile: it does not begin with FROM');
      stage.steps.push(instruction);
    }
  }
  return stages;
}

function instructionsOf(text: string): Instruction[] {
  const lines = text.split('\n').filter(line => !/^\s*#/.test(line));
  return lines
    .join('\n')
    .replace(/\\\n/g, ' ')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => {
      const [, name = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
      return { name: name.toUpperCase(), text: rest };
    });
}

/** The text of the last instruction of this name in a stage. */
export function lastOf(stage: Stage, name: string): string | undefined {
  return stage.steps.filter(step => step.name === name).at(-1)?.text;
}

/** An instruction in exec form as its words; a shell form is an error, since it needs a shell at run time. */
export function execForm(text: string | undefined): string[] {
  const words: unknown = JSON.parse(text ?? 'null');
  if (!Array.isArray(words) || !words.every(word => typeof word === 'string')) {
    throw new Error(`Dockerfile: ${text} is not in exec form`);
  }
  return words;
}

/** `key="value"` pairs of LABEL and ENV. */
export function pairsIn(stage: Stage, name: string): Record<string, string> {
  const texts = stage.steps.filter(step => step.name === name).map(step => step.text);
  return Object.fromEntries(
    texts.flatMap(text =>
      [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(match => [
        match[1] ?? '',
        match[2] ?? match[3] ?? '',
      ]),
    ),
  );
}
