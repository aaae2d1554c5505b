import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { extname } from 'node:path';
import { Get, Injectable, Param, Req, Res } from '@nestjs/common';
import { RouteConfig, RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../http/index.js';

const FOLDER = new URL('page/', import.meta.url);
const PAGE = 'console.html';
const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/** Only what this server sends, nothing inline, in no frame, and no text that becomes markup or script. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  // Kept, and asked for again each time: page and scripts are always of one version.
  'cache-control': 'no-cache',
};

interface Asset {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
}

/** The console: static files without data. What it shows, it asks of the other endpoints. */
@Injectable()
export class ConsoleController {
  private readonly assets = new Map(readdirSync(FOLDER).map((name) => [name, assetOf(name)]));

  @Get()
  @RouteConfig({ admin: 'public' })
  @RouteSchema({ hide: true })
  page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.send(PAGE, request, reply);
  }

  @Get('console/:file')
  @RouteConfig({ admin: 'public' })
  @RouteSchema({ hide: true })
  asset(@Param('file') file: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    this.send(file, request, reply);
  }

  private send(name: string, { headers }: FastifyRequest, reply: FastifyReply): void {
    const asset = this.assets.get(name);
    if (!asset) throw new Problem(404);
    void reply.headers(HEADERS).header('etag', asset.etag);
    if (headers['if-none-match'] === asset.etag) void reply.code(304).send();
    else void reply.type(asset.type).send(asset.bytes);
  }
}

function assetOf(name: string): Asset {
  const bytes = readFileSync(new URL(name, FOLDER));
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  return { bytes, type: TYPES[extname(name)] ?? 'application/octet-stream', etag };
}
