import type { JsonObject } from './json.ts';

/** A refusal of the API server: HTTP code, `metav1.StatusReason` and a sentence. */
export class ApiFailure extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;

  constructor(code: number, reason: string, message: string, details?: JsonObject) {
    super(message);
    this.name = 'ApiFailure';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  /** `metav1.Status` */
  toStatus(): JsonObject {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }
}

export function badRequest(message: string): ApiFailure {
  return new ApiFailure(400, 'BadRequest', message);
}

export function unauthorized(): ApiFailure {
  return new ApiFailure(401, 'Unauthorized', 'Unauthorized');
}

export function forbidden(message: string): ApiFailure {
  return new ApiFailure(403, 'Forbidden', message, {});
}

export function noSuchPath(): ApiFailure {
  return new ApiFailure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function notFound(resource: string, name: string): ApiFailure {
  return new ApiFailure(404, 'NotFound', `${resource} "${name}" not found`, { name, kind: resource });
}

export function methodNotAllowed(): ApiFailure {
  return new ApiFailure(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

export function alreadyExists(resource: string, name: string): ApiFailure {
  return new ApiFailure(409, 'AlreadyExists', `${resource} "${name}" already exists`, {
    name,
    kind: resource,
  });
}

export function conflict(resource: string, name: string): ApiFailure {
  return new ApiFailure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
    { name, kind: resource },
  );
}

export function expired(): ApiFailure {
  return new ApiFailure(410, 'Expired', 'The resourceVersion for the provided watch is too old.');
}

export function tooLarge(limitBytes: number): ApiFailure {
  return new ApiFailure(
    413,
    'RequestEntityTooLarge',
    `Request entity too large: limit is ${String(limitBytes)}`,
    {},
  );
}

export function unsupportedMediaType(type: string): ApiFailure {
  return new ApiFailure(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format: ${type}`,
  );
}

export function invalid(kind: string, name: string, problem: string): ApiFailure {
  return new ApiFailure(422, 'Invalid', `${kind} "${name}" is invalid: ${problem}`, { name, kind });
}
