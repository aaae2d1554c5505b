/** Loaded before a connector: its clock is off by CLOCK_OFFSET_MS from the machine's. */
const offsetMs = Number(process.env.CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;

globalThis.Date = class extends RealDate {
  constructor(...values) {
    super(...(values.length === 0 ? [RealDate.now() + offsetMs] : values));
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};
