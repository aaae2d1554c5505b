export * from './doctor.js';
export * from './finding.js';
