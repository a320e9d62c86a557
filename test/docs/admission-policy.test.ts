import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { SESSION_MARKER } from '../../src/policy/impersonate.ts';

const file = new URL('../../docs/deploy/admission-policy.yaml', import.meta.url);
const text = readFileSync(file, 'utf8');
const documents = parseAllDocuments(text);
const [policy, binding] = documents.map(document => document.toJS());

test('the file is two good documents, and the binding names the policy', () => {
  expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
  expect(policy).toMatchObject({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    spec: { failurePolicy: 'Fail' },
  });
  expect(binding).toMatchObject({
    kind: 'ValidatingAdmissionPolicyBinding',
    spec: { policyName: policy.metadata.name, validationActions: expect.arrayContaining(['Deny']) },
  });
});

test('the policy asks for the marker that the proxy sets, on every road that is a connection', () => {
  const [{ expression }, ...more] = policy.spec.validations;
  expect(more).toEqual([]);
  const quoted = [...String(expression).matchAll(/'([^']*)'/g)].map(match => match[1]);
  expect(new Set(quoted)).toEqual(new Set([SESSION_MARKER]));
  expect(policy.spec.matchConstraints.resourceRules).toEqual([
    {
      apiGroups: [''],
      apiVersions: ['v1'],
      operations: ['CONNECT'],
      resources: [
        ...['pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy', 'services/proxy', 'nodes/proxy'],
      ],
    },
  ]);
});

test('what people read names the same marker', () => {
  const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
  expect(page).toContain(`\`${SESSION_MARKER}\``);
  expect(page).toContain('deploy/admission-policy.yaml');
  expect(text).toContain(`userextras/${SESSION_MARKER}`);
});
