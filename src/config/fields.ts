import { z } from 'zod';

export const text = z.string().min(1, 'must not be empty');
export const file = text.describe('Path of a file; relative ones start at the folder of this configuration.');
