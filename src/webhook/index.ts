export * from './broken-request.js';
export * from './ingress-rejections.js';
export * from './json-body.js';
export { violationOf, type ContractViolation } from './notification-contract.js';
export * from './problem.js';
export * from './rsa-signature-verifier.js';
export * from './signature-guard.js';
export * from './signature-verifier.js';
export * from './webhook.module.js';
