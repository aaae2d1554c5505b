import AjvCompiler from '@fastify/ajv-compiler';
import SerializerSelector from '@fastify/fast-json-stringify-compiler';
import type { FastifySchemaCompiler, FastifySerializerCompiler, RouteOptions } from 'fastify';

type Check = ReturnType<FastifySchemaCompiler<unknown>>;

/** Refuse a mistyped filter instead of ignoring it: the admin API replays by filter. */
const AJV_OPTIONS = { customOptions: { removeAdditional: false } } as const;

/**
 * @returns what makes Fastify compile the schemas of a route when its first request comes. A process serves requests for few
 * of the routes, a command of the command line for one or two, and compiling all would take a third of its start.
 */
export function lateSchemas(): (route: RouteOptions) => void {
  const validators = once(() => AjvCompiler()({}, AJV_OPTIONS) as FastifySchemaCompiler<unknown>);
  const serializers = once(() => SerializerSelector()() as FastifySerializerCompiler<unknown>);
  return (route) => {
    route.validatorCompiler = (part) => {
      const compiled = once(() => validators()(part));
      const check: Check = (data) => {
        const result = compiled()(data);
        check.errors = compiled().errors;
        return result;
      };
      return check;
    };
    route.serializerCompiler = (part) => {
      const compiled = once(() => serializers()(part));
      return (answer) => compiled()(answer);
    };
  };
}

/** @returns a function that makes the value when it is called for the first time. */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
