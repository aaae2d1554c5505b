import { generateWebhookKeys } from '../../src/testing/webhook-signature.js';

/** An environment with nothing but the variables that have no default. Nothing listens at its addresses. */
export const COMPLETE_ENVIRONMENT = {
  REDIS_URL: 'redis://localhost:6379',
  FLUENT_ACCOUNT_ID: 'ACME',
  FLUENT_USERNAME: 'fluent-user',
  FLUENT_PASSWORD: 'fluent-password',
  FLUENT_CLIENT_ID: 'fluent-client',
  FLUENT_CLIENT_SECRET: 'fluent-secret',
  FLUENT_WEBHOOK_PUBLIC_KEYS: generateWebhookKeys().publicKey,
  CTP_PROJECT_KEY: 'shop',
  CTP_CLIENT_ID: 'ct-client',
  CTP_CLIENT_SECRET: 'ct-secret',
  CTP_AUTH_URL: 'https://auth.example.com/',
  CTP_API_URL: 'https://api.example.com//',
  CTP_SCOPES: 'manage_orders:shop',
} as const;
