// Copied beside a bundle of the connector: runs it with the code that V8 has compiled before. Compiling takes half of a
// start. Code of another version of Node, or for other flags, is not used.
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const path = require('node:path');
const v8 = require('node:v8');
const vm = require('node:vm');

const filename = path.join(__dirname, 'bundle.cjs');
const compiled = path.join(__dirname, `bundle.${process.version}.compiled`);

const script = new vm.Script(
  `(function (exports, require, module, __filename, __dirname, importModule) {${readFileSync(filename, 'utf8')}\n})`,
  {
    filename,
    cachedData: existsSync(compiled) ? readFileSync(compiled) : undefined,
  },
);
if (process.env.KEEP_COMPILED_CODE) {
  // Code that was compiled under other flags than a start begins with would be refused.
  v8.setFlagsFromString = () => undefined;
  // Without its flag there is no gc() to run.
  vm.runInNewContext = () => () => undefined;
  process.once('exit', () => writeFileSync(compiled, script.createCachedData()));
}
script.runInThisContext()(exports, require, module, filename, __dirname, (name) => import(name));
