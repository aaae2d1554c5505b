/** One line of the connector's log. */
export type LogLine = Readonly<Record<string, unknown>>;

/** A connector that runs, and what it answers over HTTP. */
export abstract class RunningConnector {
  /**
   * @param url without a trailing slash.
   * @param managementUrl where health and metrics are; the same as `url` without `MANAGEMENT_PORT`.
   */
  protected constructor(
    readonly url: string,
    readonly managementUrl: string,
  ) {}

  get webhookUrl(): string {
    return `${this.url}/api/v1/fluent-connect/webhook`;
  }

  /** @returns the HTTP status of a GET, or undefined when nobody listens. */
  async status(path: string): Promise<number | undefined> {
    try {
      return (await fetch(this.managementUrl + path)).status;
    } catch {
      return undefined;
    }
  }

  /** @returns the JSON that a GET is answered with, whatever its status. */
  async json(path: string): Promise<unknown> {
    return (await fetch(this.managementUrl + path)).json();
  }

  /** @param name without the prefix. @returns the sum over the label sets that contain all of `labels`. */
  async metric(name: string, ...labels: string[]): Promise<number> {
    const text = await (await fetch(`${this.managementUrl}/metrics`)).text();
    const series = new RegExp(`^fluent_connector_${name}[{ ]`);
    return text
      .split('\n')
      .filter((line) => series.test(line) && labels.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }
}
