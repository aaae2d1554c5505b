import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { ConnectorConfig, type RetailerScope } from '../config/index.js';
import { ConfigurationError, asError } from '../errors.js';
import { readSettingsFile } from './read-settings-file.js';
import { type SettingValue, SettingsSource } from './settings-source.js';

/** How long after a change the old values may still be used. */
const CHECK_INTERVAL_MS = 5000;

/**
 * Settings from a file or a mounted ConfigMap, for all accounts and retailers. It is the source when `SETTINGS_FILE` is
 * set. A change takes effect within five seconds. While the file is missing or invalid, the last valid values are used.
 */
@Injectable()
export class FileSettingsSource extends SettingsSource implements OnModuleInit {
  private readonly logger = new Logger(FileSettingsSource.name);
  private readonly path: string | undefined;
  private settings: ReadonlyMap<string, unknown> = new Map();
  private fingerprint?: string;
  private problem?: string;
  private checkedAt = Number.NEGATIVE_INFINITY;
  private checking?: Promise<void>;

  constructor({ settingsFile }: ConnectorConfig) {
    super();
    this.path = settingsFile;
  }

  /** @throws ConfigurationError when the file cannot be used. */
  async onModuleInit(): Promise<void> {
    if (this.path === undefined) return;
    await this.check();
    if (this.problem !== undefined) throw new ConfigurationError(this.problem);
  }

  /** @throws ConfigurationError when `SETTINGS_FILE` is not set. */
  async get(_scope: RetailerScope, names: readonly string[]): Promise<SettingValue | undefined> {
    const { path } = this;
    if (path === undefined)
      throw new ConfigurationError('SETTINGS_FILE is not set; set it to the file with the settings');
    if (performance.now() - this.checkedAt >= CHECK_INTERVAL_MS) {
      this.checking ??= this.check().finally(() => (this.checking = undefined));
      await this.checking;
    }
    const name = names.find((candidate) => this.settings.has(candidate));
    return name === undefined ? undefined : { name, context: `file ${path}`, value: this.settings.get(name) };
  }

  private async check(): Promise<void> {
    const path = this.path ?? '';
    try {
      // Kubernetes may remove the ConfigMap's old version while it is read.
      const text = await readSettingsFile(path).catch(() => readSettingsFile(path));
      if (text.fingerprint !== this.fingerprint) {
        this.settings = text.parse();
        if (this.fingerprint !== undefined) this.logger.log(`SETTINGS_FILE ${path}: using the new settings`);
        this.fingerprint = text.fingerprint;
      } else if (this.problem !== undefined) {
        this.logger.log(`SETTINGS_FILE ${path} can be used again; its settings have not changed`);
      }
      this.problem = undefined;
    } catch (error) {
      this.report(`SETTINGS_FILE ${path} cannot be used: ${asError(error).message}`);
    } finally {
      this.checkedAt = performance.now();
    }
  }

  /** Logs each problem once: the file is read every few seconds. */
  private report(problem: string): void {
    if (problem !== this.problem && this.fingerprint !== undefined) {
      this.logger.error(`${problem}; using the last valid settings until it is corrected`);
    }
    this.problem = problem;
  }
}
