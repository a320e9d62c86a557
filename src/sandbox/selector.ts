import { badRequest } from './failure.ts';
import { type JsonObject, objectAt, textAt } from './json.ts';

export type Selector = (object: JsonObject) => boolean;

/** Fields that may be selected by, as the API server allows for pods and the like. */
const FIELDS: readonly string[] = [
  'metadata.name',
  'metadata.namespace',
  'status.phase',
  'spec.nodeName',
  'spec.restartPolicy',
  'involvedObject.name',
  'involvedObject.namespace',
  'involvedObject.uid',
  'involvedObject.kind',
];

/** Requirements of a `fieldSelector`: `a=b`, `a==b`, `a!=b`, joined by commas. @throws ApiFailure 400 */
export function fieldSelector(text: string | undefined): Selector {
  const terms = split(text).map(term => {
    const match = /^([\w.]+)(==|=|!=)(.*)$/.exec(term);
    const [, field = '', operator = '', wanted = ''] = match ?? [];
    if (!FIELDS.includes(field))
      throw badRequest(`field label not supported: ${field === '' ? term : field}`);
    const path = field.split('.');
    return (object: JsonObject) => ((textAt(object, ...path) ?? '') === wanted) === (operator !== '!=');
  });
  return object => terms.every(matches => matches(object));
}

/** Requirements of a `labelSelector`: `a`, `!a`, `a=b`, `a!=b`, `a in (b,c)`, `a notin (b,c)`. @throws ApiFailure 400 */
export function labelSelector(text: string | undefined): Selector {
  const terms = split(text).map(labelTerm);
  return object => terms.every(matches => matches(objectAt(object, 'metadata', 'labels')));
}

function labelTerm(term: string): Selector {
  const set = /^([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)$/.exec(term);
  if (set !== null) {
    const [, label = '', operator, list = ''] = set;
    const values = list.split(',').map(value => value.trim());
    return labels => values.includes(textAt(labels, label) ?? '') === (operator === 'in');
  }
  const equality = /^([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)$/.exec(term);
  if (equality !== null) {
    const [, label = '', operator, wanted] = equality;
    return labels => (textAt(labels, label) === wanted) === (operator !== '!=');
  }
  const exists = /^(!?)([\w./-]+)$/.exec(term);
  if (exists === null) throw badRequest(`unable to parse requirement: ${term}`);
  const [, negation, label = ''] = exists;
  return labels => (textAt(labels, label) !== undefined) === (negation === '');
}

/** Splits at the commas that are outside of parentheses. */
function split(text: string | undefined): string[] {
  return (text ?? '')
    .split(/,(?![^(]*\))/)
    .map(term => term.trim())
    .filter(term => term !== '');
}
