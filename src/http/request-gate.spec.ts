import { describe, expect, it } from 'vitest';
import { EndpointMap } from './request-gate.js';

describe('EndpointMap', () => {
  const endpoints = new EndpointMap();
  endpoints.add({ url: '/health', method: 'GET' });
  endpoints.add({ url: '/health', method: 'HEAD' });
  endpoints.add({ url: '/webhook', method: ['POST'] });
  endpoints.add({ url: '/admin/jobs/:id', method: 'GET' });

  it('knows every method of a path', () => {
    expect(endpoints.find('/health')).toEqual(new Set(['GET', 'HEAD']));
    expect(endpoints.find('/webhook')).toEqual(new Set(['POST']));
  });

  it('leaves paths below a route with parameters to the router', () => {
    expect(endpoints.find('/admin/jobs/7')).toBe('router');
  });

  it.each(['/', '/health/', '/webhook/x', '/:a(', '/%2e', '/admin/jobs', '*', 'http://host/health'])(
    'does not know %s',
    (path) => {
      expect(endpoints.find(path)).toBeUndefined();
    },
  );
});
