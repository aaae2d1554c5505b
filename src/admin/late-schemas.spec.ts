import { Type } from '@sinclair/typebox';
import fastify, { type FastifyInstance, type FastifySchema } from 'fastify';
import { describe, expect, it } from 'vitest';
import { lateSchemas } from './late-schemas.js';

const ANSWER = { name: 'O_1', secret: 'hidden', count: 1 };

function serverWith(schemas: Readonly<Record<string, FastifySchema>>): FastifyInstance {
  const server = fastify();
  const compileLate = lateSchemas();
  server.addHook('onRoute', (route) => compileLate(route));
  for (const [path, schema] of Object.entries(schemas)) server.get(path, { schema }, () => ANSWER);
  return server;
}

describe('lateSchemas', () => {
  it('compiles the schemas of a route with its first request, not at the start', async () => {
    const broken = { type: 'no such type' };
    const server = serverWith({
      '/query': { querystring: broken },
      '/answer': { response: { 200: broken } },
      '/good': { querystring: Type.Object({}) },
    });
    await server.ready();
    expect((await server.inject('/good')).statusCode).toBe(200);
    expect((await server.inject('/query')).statusCode).toBe(500);
    expect((await server.inject('/answer')).statusCode).toBe(500);
  });

  it('refuses what does not match, each time, and names it', async () => {
    const querystring = Type.Object({ limit: Type.Integer() }, { additionalProperties: false });
    const server = serverWith({ '/': { querystring } });
    const ask = async (query: string) => (await server.inject(`/?${query}`)).json<{ message: string }>();
    expect(await ask('limit=1')).toEqual(ANSWER);
    expect((await ask('limit=many')).message).toBe('querystring/limit must be integer');
    expect((await ask('limit=1&limt=2')).message).toBe('querystring must NOT have additional properties');
    expect(await ask('limit=2')).toEqual(ANSWER);
  });

  it('sends only the fields that the schema of the answer has', async () => {
    const response = { 200: Type.Object({ name: Type.String(), count: Type.Integer() }) };
    const server = serverWith({ '/': { response } });
    for (const _ of [1, 2]) expect((await server.inject('/')).json()).toEqual({ name: 'O_1', count: 1 });
  });
});
