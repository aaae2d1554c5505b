/** Files for `promtool test rules`. */
export const ALERT_TESTS = ['test/chart/alerts.test.yaml', 'test/chart/alerts-over-days.test.yaml'] as const;
