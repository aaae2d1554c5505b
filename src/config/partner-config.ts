import type { Type } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';
import { ConfigurationError } from '../errors.js';
import { type Violation, violationsOf } from './problems.js';
import { type Environment, VARIABLE_NAMES, valueOrFile } from './variables.js';

/**
 * A class of the partner whose properties are variables, with rules of class-validator and defaults. It is validated with the
 * connector's variables, and can be injected.
 */
export type PartnerConfig = Type<object>;

/**
 * @throws ConfigurationError when a class has no rules, or declares a variable of the connector.
 * @returns the names of its variables.
 */
export function partnerVariables(config: PartnerConfig): string[] {
  const rules = getMetadataStorage().getTargetValidationMetadatas(config, '', false, false);
  const names = [...new Set(rules.map(({ propertyName }) => propertyName))];
  const where = `register({ config: ${config.name} })`;
  if (names.length === 0) {
    throw new ConfigurationError(
      `${where}: the class has no class-validator decorators; add them to its properties`,
    );
  }
  const taken = names.filter((name) => VARIABLE_NAMES.some((own) => name === own || name === `${own}_FILE`));
  if (taken.length > 0) {
    throw new ConfigurationError(
      `${where}: ${taken.join(', ')} ${taken.length === 1 ? 'is a variable' : 'are variables'} of the connector; ` +
        'rename the property, or inject ConnectorConfig',
    );
  }
  return names;
}

/**
 * Reads the variables of a partner. Each can also come from a file: `NAME_FILE` has its path, as for secrets.
 *
 * @param problems collects a violation for each variable that is wrong, without its value.
 */
export function readPartnerConfig(
  config: PartnerConfig,
  environment: Environment,
  problems: Violation[],
): object {
  const given: Record<string, string> = {};
  const unreadable = new Set<string>();
  for (const name of partnerVariables(config)) {
    const value = valueOrFile(name, environment[name]?.trim(), environment, problems, unreadable);
    if (value) given[name] = value;
  }
  const instance = plainToInstance(config, given);
  for (const { path, message } of violationsOf(instance)) {
    // The messages of class-validator begin with the property.
    const text = message.startsWith(`${path} `) ? message.slice(path.length + 1) : message;
    if (!unreadable.has(path)) problems.push({ path, message: text });
  }
  return instance;
}
