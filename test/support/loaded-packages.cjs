// Preloaded by `NODE_OPTIONS=--require`: writes at exit which files of @opentelemetry were loaded.
const { writeFileSync } = require('node:fs');

process.on('exit', () => {
  const files = Object.keys(require.cache).filter((file) => file.includes('@opentelemetry'));
  writeFileSync(process.env.LOADED_PACKAGES_FILE, JSON.stringify(files));
});
