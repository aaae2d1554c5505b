export * from './doctor.js';
export * from './finding.js';
export { parseCapturedRequest, type CapturedRequest } from './webhook/captured-request.js';
export { webhookCheck } from './webhook/webhook-check.js';
